/** A stream on a port without TLS: whoever of the two speaks first, and TLS that nobody asked for. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { startTcpApplication, type TestApplication } from "../../support/application/application.ts";
import { connect, readToEnd } from "../../support/caller/caller.ts";
import { backend, policy, range } from "../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../support/process/sidecar.ts";

let application: TestApplication;
let sidecar: TestSidecar;
/** What the application does with the next connection. */
let serve: (socket: Socket) => void;
/** What reached it on the newest connection. */
let received = "";

before(async () => {
  application = await startTcpApplication((socket) => {
    received = "";
    socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
    serve(socket);
  });
  sidecar = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.1/32")])],
    backends: [{ app: application.port, forward: "stream" }],
    // The limit for handshakes is none for a caller that waits for a greeting.
    flags: ["--idle-timeout=1500ms", "--handshake-timeout=200ms"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

const enter = (from?: string): Promise<Socket> =>
  connect({ port: sidecar.port(), ...(from !== undefined && { from }) });

/** Greets, and says how the caller's side ended. */
function greet(): Promise<string> {
  return new Promise((resolve) => {
    serve = (socket) => {
      socket.write("220 ready\r\n");
      socket.once("end", () => resolve("end"));
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    };
  });
}

async function next(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString("latin1");
}

/** As a TLS 1.3 client begins. */
const HELLO = Buffer.from("16030100c8010000c40303".padEnd(400, "7f"), "hex");

test("an application that speaks first is heard by a caller that waits for it, longer than a handshake may take", async () => {
  serve = (socket) => {
    setTimeout(() => socket.write("220 ready\r\n"), 500);
    socket.once("data", () => socket.end("250 hello\r\n"));
  };
  const socket = await enter();
  assert.equal(await next(socket), "220 ready\r\n");
  socket.write("EHLO a\r\n");
  assert.deepEqual(await readToEnd(socket), { text: "250 hello\r\n", end: "FIN" });
  assert.equal(received, "EHLO a\r\n");
});

test("a caller that speaks first is answered", async () => {
  serve = (socket) => socket.once("data", (chunk: Buffer) => socket.end(chunk));
  const socket = await enter();
  socket.write("PING\r\n");
  assert.equal((await readToEnd(socket)).text, "PING\r\n");
});

test("a caller that says nothing is ended by the idle limit, as is one that speaks half of what tells TLS", async () => {
  serve = () => undefined;
  for (const first of ["", "\x16\x03"]) {
    const from = sidecar.log.lines.length;
    const socket = await enter();
    if (first !== "") socket.write(first, "latin1");
    await readToEnd(socket);
    await sidecar.log.next({ event: "connection", end: "idle-timeout" }, { from });
    assert.equal(received, "");
  }
});

for (const [name, parts] of [
  ["in one piece", [HELLO]],
  ["byte by byte", [...HELLO.subarray(0, 8)].map((byte) => Buffer.of(byte))],
] as const) {
  test(`a caller that speaks TLS, ${name}, is refused though the application has spoken, and none of it arrives`, async () => {
    const ended = greet();
    const from = sidecar.log.lines.length;
    const socket = await enter();
    assert.equal(await next(socket), "220 ready\r\n");
    // The last parts may find it closed.
    socket.setNoDelay(true).on("error", () => undefined);
    for (const part of parts) {
      if (socket.writable) socket.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await readToEnd(socket)).text, "");
    const record = await sidecar.log.next({ event: "connection", reason: "tls-unexpected" }, { from });
    assert.deepEqual([record["end"], record["policy"]], ["refused", "test/ib"]);
    assert.equal(await ended, "ECONNRESET");
    assert.equal(received, "");
  });
}

test("a caller that ends after half of what tells TLS is refused", async () => {
  const ended = greet();
  const from = sidecar.log.lines.length;
  const socket = await enter();
  await next(socket);
  socket.end("\x16", "latin1");
  await readToEnd(socket);
  await sidecar.log.next({ event: "connection", reason: "tls-unexpected" }, { from });
  assert.equal(await ended, "ECONNRESET");
  assert.equal(received, "");
});

test("bytes that begin like TLS and are not reach the application whole", async () => {
  for (const parts of [["\x16", "\x04a"], ["\x16\x03", "\x05bc"], ["\x16x"]]) {
    serve = (socket) => socket.once("end", () => socket.end(received, "latin1"));
    const socket = await enter();
    socket.setNoDelay(true);
    for (const part of parts) {
      socket.write(part, "latin1");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    socket.end();
    assert.equal((await readToEnd(socket)).text, parts.join(""));
  }
});

test("a caller that was served may send what looks like TLS later", async () => {
  serve = (socket) => socket.once("end", () => socket.end(String(received.length)));
  const socket = await enter();
  socket.write("STARTTLS\r\n");
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.end(HELLO);
  assert.equal((await readToEnd(socket)).text, String(10 + HELLO.length));
});

test("a reset of a caller that has said nothing reaches the application", async () => {
  const ended = greet();
  const socket = await enter();
  await next(socket);
  socket.resetAndDestroy();
  assert.equal(await ended, "ECONNRESET");
});

test("a reset of an application that spoke first reaches the caller", async () => {
  serve = (socket) => socket.write("220 ready\r\n", () => setTimeout(() => socket.resetAndDestroy(), 50));
  const socket = await enter();
  assert.deepEqual(await readToEnd(socket), { text: "220 ready\r\n", end: "ECONNRESET" });
});

test("an address that is not let in costs the application nothing, whoever would have spoken", async () => {
  const { connections } = application;
  const socket = await enter("127.0.0.2");
  assert.equal((await readToEnd(socket)).text, "");
  assert.equal(application.connections, connections);
});
