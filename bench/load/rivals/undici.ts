/**
 * The least that Node can do for parsed HTTP with the same parts as Postern: https.Server and undici's dispatch with raw
 * header arrays. No policy, no header rules, no records: what is above it is the price of those.
 */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import { Pool, type Dispatcher } from "undici";

interface Settings {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly appPort: number;
  readonly serverOnly: number;
  readonly mutual: number;
}

const settings = JSON.parse(process.env["RIVAL"] ?? "{}") as Settings;
const pool = new Pool(`http://127.0.0.1:${settings.appPort}`, { connections: 256, pipelining: 1 });

class Carrier implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** undici knows its handlers by this method. */
  onRequestStart(): void {}

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const { rawHeaders } = controller as Dispatcher.DispatchController & { readonly rawHeaders: readonly Buffer[] };
    const lines: string[] = [];
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!.toString("latin1");
      if (name.toLowerCase() !== "connection" && name.toLowerCase() !== "keep-alive" && name !== "Transfer-Encoding")
        lines.push(name, rawHeaders[index + 1]!.toString("latin1"));
    }
    this.#response.writeHead(status, lines);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  const { method = "GET", url = "/", rawHeaders } = request;
  const hasBody = request.headers["transfer-encoding"] !== undefined || request.headers["content-length"] !== undefined;
  const headers: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    if (name !== "connection" && name !== "transfer-encoding") headers.push(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  pool.dispatch({ path: url, method, headers, body: hasBody ? request : null, reset: false }, new Carrier(response));
}

function serve(port: number, extra: ServerOptions): void {
  const options = { cert: readFileSync(settings.serverCert), key: readFileSync(settings.serverKey), ...extra };
  const server = createServer(options, forward);
  server.keepAliveTimeout = 600_000;
  server.listen(port, "127.0.0.1");
}

serve(settings.serverOnly, {});
serve(settings.mutual, { ca: readFileSync(settings.ca), requestCert: true, rejectUnauthorized: true });
