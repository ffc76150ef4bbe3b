/** HTTP/2 callers of gRPC before an application that speaks HTTP/1.1 only, and nobody has said so. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { backend, policy, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

let server: Server;
let sidecar: TestSidecar;
/** What the application was asked, over HTTP/1.1. */
const asked: { readonly message: IncomingMessage; readonly body: Buffer }[] = [];
/** Connections that begin as HTTP/2 does. */
const prefaces = new Set<object>();

before(async () => {
  server = createServer((message, response) => {
    void buffer(message).then((body) => {
      asked.push({ message, body });
      response.writeHead(200, { "content-type": "application/grpc", trailer: "grpc-status" });
      response.write(body);
      response.addTrailers({ "grpc-status": "0" });
      response.end();
    });
  });
  server.on("clientError", (_error, socket) => {
    prefaces.add(socket);
    socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  sidecar = await startSidecar({
    manifests: [policy([backend("foo", 80, "http"), backend("foo", 81, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: port }, { port: 81, app: port, forward: "h2c" }],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

const HEADERS = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };

test("calls reach it over HTTP/1.1, with body and trailers, and it is not asked for HTTP/2 each time", async () => {
  await using caller = await Http2Caller.connect(sidecar.port());
  const body = Buffer.alloc(100_000, "grpc");
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, index) => caller.call({ ...HEADERS, ":path": `/call/${index}` }, body)),
  );
  for (const { status, body: echoed, trailers } of answers) {
    assert.equal(status, 200);
    assert.ok(echoed.equals(body));
    assert.equal(trailers["grpc-status"], "0");
  }
  const later = await caller.call({ ...HEADERS, ":path": "/call/later" }, Buffer.from("x"));
  assert.equal(later.status, 200);
  assert.equal(prefaces.size, 1);
  const called = ["later", ...Array.from({ length: 5 }, (_, index) => String(index))];
  assert.deepEqual(new Set(asked.map(({ message }) => message.url)), new Set(called.map((name) => `/call/${name}`)));
  assert.equal(asked.length, called.length);
  for (const { message } of asked) assert.deepEqual([message.httpVersion, message.headers["te"]], ["1.1", undefined]);
});

test("one that is said to speak HTTP/2 is not asked by HTTP/1.1", async () => {
  const before = asked.length;
  await using caller = await Http2Caller.connect(sidecar.port(81));
  const { headers } = await caller.call({ ...HEADERS, ":path": "/said" }, Buffer.from("x"));
  assert.equal(headers["grpc-status"], "14");
  assert.equal(asked.length, before);
});
