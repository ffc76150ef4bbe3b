import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { createSecureContext, TLSSocket, connect as connectTls } from "node:tls";
import { resetSocket } from "../../../src/proxy/forward/reset.ts";
import { readToEnd } from "../../support/caller/caller.ts";
import { TestMesh } from "../../support/mesh/mesh.ts";

/** Does something to the server's side of a new connection, and waits until that side is closed. */
async function ending(
  act: (socket: Socket) => void,
  dial = (port: number): Socket => connect(port, "127.0.0.1"),
): Promise<{ readonly text: string; readonly end: string }> {
  const closed = Promise.withResolvers<void>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.once("close", () => closed.resolve());
    act(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const read = readToEnd(dial((server.address() as AddressInfo).port));
  const late = setTimeout(() => closed.reject(new Error("the socket was lost")), 10_000);
  await closed.promise;
  clearTimeout(late);
  const result = await read;
  server.close();
  return result;
}

test("an open socket is reset", async () => {
  assert.equal((await ending((socket) => setImmediate(resetSocket, socket))).end, "ECONNRESET");
});

test("a socket whose FIN is under way is closed and not lost", async () => {
  await ending((socket) => {
    socket.end();
    resetSocket(socket);
  });
  const { text } = await ending((socket) => {
    socket.end("whole");
    resetSocket(socket);
  });
  assert.equal(text, "whole");
});

test("a socket that is to end behind data that did not get out yet is reset: the rest is missing", async () => {
  const data = Buffer.alloc(50_000_000);
  const { text, end } = await ending((socket) => {
    socket.end(data);
    setImmediate(resetSocket, socket);
  });
  assert.ok(text.length < data.length);
  assert.equal(end, "ECONNRESET");
});

test("over TLS too: the socket beneath is reset, or closed and not lost", async () => {
  const mesh = await TestMesh.create();
  const secureContext = createSecureContext({ cert: mesh.own.certPem, key: mesh.own.keyPem });
  const secured = (act: (socket: TLSSocket, raw: Socket) => void) => (raw: Socket) => {
    const socket = new TLSSocket(raw, { isServer: true, secureContext });
    socket.on("error", () => undefined);
    socket.once("data", () => act(socket, raw));
  };
  const speaking = (port: number): Socket => {
    const client = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    client.write("hello");
    return client;
  };
  assert.equal((await ending(secured(resetSocket), speaking)).end, "ECONNRESET");
  await ending(
    secured((socket, raw) => {
      socket.end("whole");
      resetSocket(socket, raw);
    }),
    speaking,
  );
});
