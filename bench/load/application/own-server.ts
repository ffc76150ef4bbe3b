/** Answers itself, echoes bodies, takes and gives large ones, and says which status it was asked for. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { BODY } from "./application.ts";

const CHUNK = Buffer.alloc(64 * 1_024);
const bodyBytes = Number(process.env["BODY_BYTES"] ?? 0);

function* chunks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/plain", "content-length": BODY.length });
  response.end(BODY);
}

const server = createServer((request, response) => {
  const { url = "/" } = request;
  if (url === "/echo") {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    request.pipe(response);
  } else if (url.startsWith("/body/")) {
    response.writeHead(200, { "content-length": bodyBytes });
    Readable.from(chunks(bodyBytes)).pipe(response);
  } else if (url.startsWith("/sink/")) {
    request.resume().once("end", () => answer(response, 200));
  } else {
    const status = /^\/status\/(\d{3})$/.exec(url)?.[1];
    answer(response, status === undefined ? 200 : Number(status));
  }
});
// Gateways keep connections much longer than a measurement lasts.
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
