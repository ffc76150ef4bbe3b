/**
 * The application behind the sidecar, as a process: `application.ts HOST:PORT...`. It knows nothing of Postern. Every
 * answer says what arrived; `/large` is 32 MiB, `/events` never ends, and WebSockets are echoed.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { WebSocketServer } from "ws";

export const LARGE_BYTES = 32 * 1024 * 1024;
const KEPT_MS = 600_000;
const CHUNK = Buffer.alloc(64 * 1024, "postern ");

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers, httpVersion } = request;
  if (url === "/large") {
    response.writeHead(200, { "content-length": LARGE_BYTES });
    const chunks = Array.from({ length: LARGE_BYTES / CHUNK.length }, () => CHUNK);
    void pipeline(Readable.from(chunks), response).catch(() => undefined);
    return;
  }
  if (url === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write("data: tick\n\n"), 100);
    response.on("close", () => clearInterval(timer));
    return;
  }
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ method, url, httpVersion, headers }));
}

for (const address of process.argv.slice(2)) {
  const url = new URL(`http://${address}`);
  // Shorter than a gateway keeps its connections, requests would meet the close: 503, whoever stands between.
  const server = createServer({ keepAliveTimeout: KEPT_MS }, answer);
  new WebSocketServer({ server }).on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  server.listen({ host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 80), ipv6Only: true }, () =>
    console.log(`application listens on ${address}`),
  );
}
