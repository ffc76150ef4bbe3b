/** Slowloris in its kinds: a header, a body or an answer that takes for ever costs its own connection, and nobody else's. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { call, connect } from "../support/caller/caller.ts";
import { backend, policy, range } from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";

let application: TestApplication;
let sidecar: TestSidecar;

before(async () => {
  application = await startApplication((request, response) => {
    if (request.url === "/endless") {
      const pump = (): void => {
        while (response.write(Buffer.alloc(65_536)));
        response.once("drain", pump);
      };
      pump();
    } else request.resume().on("end", () => response.end("ok"));
  });
  sidecar = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    flags: [
      "--header-timeout=1s",
      "--request-idle-timeout=1s",
      "--handshake-timeout=1s",
      "--max-upstream-connections=2",
      "--max-connections-per-source=40",
      "--refusal-logs-per-second=10000",
    ],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

/** Sends a byte of `tail` now and then until the other side has had enough. @returns what came back, and after how long */
async function drip(head: string, tail: string, everyMs: number): Promise<{ text: string; ms: number }> {
  const socket = await connect({ port: sidecar.port() });
  const startedAt = performance.now();
  let text = "";
  let index = 0;
  socket.on("error", () => undefined).on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.write(head);
  const timer = setInterval(() => {
    if (socket.writable) socket.write(tail[index++ % tail.length]!);
  }, everyMs);
  await closed(socket, 8_000);
  clearInterval(timer);
  return { text, ms: performance.now() - startedAt };
}

async function closed(socket: Socket, limitMs: number): Promise<void> {
  const timer = setTimeout(() => socket.destroy(new Error("still open")), limitMs);
  let error: Error | undefined;
  socket.on("error", (cause) => (error = cause)).on("end", () => socket.end());
  await new Promise((resolve) => socket.once("close", resolve));
  clearTimeout(timer);
  assert.notEqual(error?.message, "still open");
}

async function alive(): Promise<void> {
  assert.equal((await call({ port: sidecar.port(), from: "127.0.0.2" })).status, 200);
}

test("a header that comes a byte at a time is 408 within four seconds, however busy it looks", async () => {
  const { text, ms } = await drip("GET / HTTP/1.1\r\nhost: a\r\nx: ", "y", 50);
  assert.match(
    text,
    /^HTTP\/1\.1 408 Request Timeout\r\n[^]*connection: close[^]*stream timeout \(request [0-9a-f-]{36}\)\n$/i,
  );
  assert.ok(ms < 4_000, `${ms} ms`);
  await alive();
});

test("a body that stops is 408; one that comes slowly but steadily is served", async () => {
  const stopped = await drip("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab", "", 10_000);
  assert.match(stopped.text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  const steady = await drip("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\nconnection: close\r\n\r\n", "b", 200);
  assert.match(steady.text, /^HTTP\/1\.1 200 OK\r\n/);
  await alive();
});

test("a caller that never reads its answer is cut, and others are served", async () => {
  const socket = await connect({ port: sidecar.port() });
  socket.pause();
  socket.write("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n");
  await sidecar.log.next({ path: "/endless", reason: "request-cancelled" });
  socket.destroy();
  await alive();
});

test("thirty callers that send half a head hold up nobody", async () => {
  const slow = await Promise.all(Array.from({ length: 30 }, () => connect({ port: sidecar.port() })));
  for (const socket of slow) {
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\nhost: a\r\nx: ");
  }
  await alive();
  for (const socket of slow) socket.destroy();
});

test("one address has so many connections and no more; another is not touched by that", async () => {
  const sockets = await Promise.all(Array.from({ length: 40 }, () => connect({ port: sidecar.port() })));
  for (const socket of sockets) socket.on("error", () => undefined);
  const beyond = await connect({ port: sidecar.port() });
  await closed(beyond, 10_000);
  await sidecar.log.next({ event: "connection", end: "overload" });
  await alive();
  for (const socket of sockets) socket.destroy();
});
