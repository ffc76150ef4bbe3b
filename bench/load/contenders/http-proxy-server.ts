/** http-proxy as its documentation shows it, with the keep-alive agent that it lacks by default. */
import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import httpProxy from "http-proxy";

interface Settings {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly appPort: number;
  readonly serverOnly: number;
  readonly mutual: number;
}

const settings = JSON.parse(process.env["RIVAL"] ?? "{}") as Settings;
const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${settings.appPort}`,
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
});
proxy.on("error", (_error, _request, response) => response.destroy());

function serve(port: number, extra: ServerOptions): void {
  const options = { cert: readFileSync(settings.serverCert), key: readFileSync(settings.serverKey), ...extra };
  const server = createServer(options, (request: IncomingMessage, response: ServerResponse) =>
    proxy.web(request, response),
  );
  server.keepAliveTimeout = 600_000;
  server.listen(port, "127.0.0.1");
}

serve(settings.serverOnly, {});
serve(settings.mutual, { ca: readFileSync(settings.ca), requestCert: true, rejectUnauthorized: true });
