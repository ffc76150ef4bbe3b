import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { call, readToEnd, tryCall } from "../support/caller/caller.ts";
import { clientHello } from "../support/caller/client-hello.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { backend, mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";

const DEADLINE_MS = 500;
/** The deadline, and time for a busy machine to notice. */
const PATIENCE_MS = 10_000;

let mesh: TestMesh;
let application: TestApplication;
let sidecar: TestSidecar;

before(async () => {
  mesh = await TestMesh.create();
  application = await startApplication();
  sidecar = await startSidecar({
    manifests: [
      policy([mutual], [range("127.0.0.0/8"), principal(GATEWAY_NAME)], "test/tls"),
      policy([backend("foo", 81, "http")], [range("127.0.0.0/8")], "test/plain"),
    ],
    backends: [{ app: application.port }, { port: 81, app: application.port }],
    tls: mesh.own,
    flags: [`--handshake-timeout=${DEADLINE_MS}ms`],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

async function open(backendPort: number): Promise<Socket> {
  const socket = connectTcp({ host: "127.0.0.1", port: sidecar.port(backendPort), allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

/** Sends, and waits for the end: what came back, and how long it took. */
async function provoke(
  backendPort: number,
  bytes: Buffer | string,
): Promise<{ text: string; end: string; ms: number }> {
  const startedAt = performance.now();
  const socket = await open(backendPort);
  const timer = setTimeout(() => socket.destroy(new Error("still open")), PATIENCE_MS);
  if (bytes.length > 0) socket.write(bytes);
  const outcome = await readToEnd(socket);
  clearTimeout(timer);
  socket.destroy();
  assert.notEqual(outcome.end, "Error: still open");
  return { ...outcome, ms: performance.now() - startedAt };
}

const GARBAGE = Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 37 + 11) % 256));

test("a caller that never speaks, on either kind of port", async () => {
  for (const port of [80, 81]) {
    const { text, ms } = await provoke(port, "");
    assert.equal(text, "");
    assert.ok(ms >= DEADLINE_MS - 50, `closed after ${ms} ms already`);
  }
  await sidecar.log.next({ event: "connection", end: "silent" });
  await sidecar.log.next({ event: "connection", end: "handshake-timeout" });
});

test("half a ClientHello, and one that comes a byte at a time", async () => {
  const hello = await clientHello();
  const half = await provoke(80, hello.subarray(0, hello.length / 2));
  assert.equal(half.text, "");
  const socket = await open(80);
  let index = 0;
  const drip = setInterval(() => {
    if (index < hello.length - 1) socket.write(hello.subarray(index, (index += 1)));
  }, 50);
  await new Promise((resolve) => {
    socket
      .resume()
      .on("error", () => undefined)
      .once("end", () => socket.end())
      .once("close", resolve);
  });
  clearInterval(drip);
  assert.ok(index < hello.length - 1, "the deadline is that of the handshake, not of each byte");
});

test("garbage and plain HTTP on a TLS port end without an answer of HTTP", async () => {
  for (const bytes of [GARBAGE, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n"]) {
    const { text } = await provoke(80, bytes);
    assert.doesNotMatch(text, /HTTP|400/);
  }
  await sidecar.log.next({ event: "connection", reason: "tls-expected" });
});

test("TLS on a plaintext port ends without a byte, and garbage is answered 400", async () => {
  const tls = await provoke(81, await clientHello());
  assert.equal(tls.text, "");
  await sidecar.log.next({ event: "connection", reason: "tls-unexpected" });
  assert.match((await provoke(81, GARBAGE)).text, /^HTTP\/1\.1 400 Bad Request\r\n/);
});

test("TLS 1.1 and suites without authenticated encryption are not spoken", async () => {
  const { pair, ca } = await mesh.caller();
  const attempts = [
    { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
    { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384" },
  ] as const;
  for (const options of attempts) {
    const outcome = await tryCall({ port: sidecar.port(), tls: { ca, pair, options } });
    assert.ok("error" in outcome, JSON.stringify(options));
  }
  const modern = { ca, pair, options: { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" } } as const;
  assert.equal((await call({ port: sidecar.port(), tls: modern })).status, 200);
});

test("fifty at once: none reaches the application, and none is left behind", async () => {
  const reached = application.connections;
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => provoke(80 + (index % 2), index % 3 === 0 ? "" : GARBAGE)),
  );
  assert.equal(application.connections, reached);
  await until("the table is empty", async () => {
    const { connections } = await sidecar.adminJson<{ connections: readonly unknown[] }>("/connections");
    return connections.length === 0;
  });
  assert.equal((await call({ port: sidecar.port(), tls: await mesh.caller() })).status, 200);
  assert.equal((await call({ port: sidecar.port(81) })).status, 200);
});
