/** The application behind every contender: answers itself, echoes bodies, and says which status it was asked for. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** 28 bytes, the body of every timed request. */
const BODY = Buffer.from("the application has answered");

const server = createServer((request, response) => {
  const { url = "/" } = request;
  if (url === "/echo") {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    request.pipe(response);
    return;
  }
  const status = /^\/status\/(\d{3})$/.exec(url)?.[1];
  response.writeHead(status === undefined ? 200 : Number(status), {
    "content-type": "text/plain",
    "content-length": BODY.length,
  });
  response.end(BODY);
});
// Gateways keep connections much longer than a measurement lasts.
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () =>
  console.log(`listening on ${(server.address() as AddressInfo).port}`),
);
