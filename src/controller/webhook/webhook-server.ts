/** The HTTPS server that the API server asks: one path a webhook, bodies bounded, an answer or a 500 with the reason. */
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type { SocketAddress } from "../../config/config.ts";
import type { Log } from "../../telemetry/log.ts";
import { ApiFailure } from "../../api-server/failure.ts";
import {
  readAdmissionReview,
  ReviewError,
  writeAdmissionReview,
  type AdmissionAnswer,
  type AdmissionRequest,
} from "./admission.ts";

/** An object of etcd has 1.5 MB at most; an update brings two of them. */
const MOST_BODY_BYTES = 8 * 1024 * 1024;
/** The API server waits 10 s, as `timeoutSeconds` says. */
const ANSWER_MS = 10_000;

export type AdmissionHandler = (request: AdmissionRequest, signal: AbortSignal) => Promise<AdmissionAnswer>;

export interface WebhookServerOptions {
  readonly listen: SocketAddress;
  readonly log: Log;
  /** By path, e.g. `/validate`. */
  readonly handlers: Readonly<Record<string, AdmissionHandler>>;
}

export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

export class WebhookServer {
  readonly #options: WebhookServerOptions;
  readonly #server: Server;
  #shown: string | undefined;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
    this.#server = createServer(
      { minVersion: "TLSv1.2", requestTimeout: ANSWER_MS, headersTimeout: ANSWER_MS, keepAliveTimeout: 60_000 },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.on("tlsClientError", (error: Error) =>
      options.log.debug({ problem: error.message }, "webhook handshake failed"),
    );
    this.#server.on("clientError", (_error, socket) => void socket.destroy());
  }

  /** Shown to whoever connects from now on; handshakes fail before the first. Throws when OpenSSL refuses it. */
  show({ cert, key }: ServerCertificate): void {
    if (this.#shown === cert + key) return;
    this.#server.setSecureContext({ cert, key, minVersion: "TLSv1.2" });
    this.#shown = cert + key;
  }

  /** A certificate was shown once. */
  get ready(): boolean {
    return this.#shown !== undefined && this.#server.listening;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Rejects when the address cannot be listened on. */
  async start(): Promise<void> {
    const { host, port } = this.#options.listen;
    this.#server.listen({ host, port });
    await once(this.#server, "listening");
  }

  /** Takes nothing new and finishes what is under way; cuts the rest after `withinMs`. */
  async close(withinMs: number): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), withinMs);
    await closed;
    clearTimeout(timer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { handlers, log } = this.#options;
    // By text: the target of a request is whatever its caller has sent, and not all of it is the rest of a URL.
    const [path = ""] = (request.url ?? "").split("?", 1);
    const handler = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
    try {
      if (handler === undefined) reply(response, 404, { message: `no webhook at ${path}` });
      else if (request.method !== "POST") reply(response, 405, { message: "expected POST" });
      else {
        const review = readAdmissionReview(await bodyOf(request));
        const answer = await handler(review, AbortSignal.timeout(ANSWER_MS));
        if (!answer.allowed)
          log.info({ path, namespace: review.namespace, problem: answer.message }, "admission refused");
        reply(response, 200, writeAdmissionReview(review.uid, answer));
      }
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      const expected = error instanceof ReviewError || error instanceof ApiFailure;
      log.warn({ path, problem: message, ...(!expected && { stack }) }, "admission could not be judged");
      reply(response, error instanceof ReviewError ? 400 : 500, { message });
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BODY_BYTES) throw new ReviewError(`the body has more than ${MOST_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function reply(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  // A body that was not read to its end would be taken for the next request.
  if (status !== 200) response.shouldKeepAlive = false;
  response.end(text);
}
