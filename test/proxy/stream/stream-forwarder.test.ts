import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { startTcpApplication, type TestApplication } from "../../support/application/application.ts";
import { connect, readToEnd } from "../../support/caller/caller.ts";
import { TestMesh } from "../../support/mesh/mesh.ts";
import { backend, policy, range, serverOnly } from "../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../support/process/sidecar.ts";

let mesh: TestMesh;
let application: TestApplication;
let sidecar: TestSidecar;
/** What the application does with the next connection. */
let serve: (socket: Socket) => void;

before(async () => {
  mesh = await TestMesh.create();
  application = await startTcpApplication((socket) => {
    socket.on("error", () => undefined);
    serve(socket);
  });
  sidecar = await startSidecar({
    manifests: [
      policy([serverOnly], [range("127.0.0.0/8")], "test/tls"),
      policy([backend("foo", 81, "http")], [range("127.0.0.0/8")], "test/plain"),
    ],
    backends: [
      { app: application.port, forward: "stream" },
      { port: 81, app: application.port, forward: "stream" },
    ],
    tls: mesh.own,
    flags: ["--idle-timeout=1s"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

const enter = (port: number): Promise<Socket> =>
  connect({
    port: sidecar.port(port),
    ...(port === 80 && { tls: { ca: mesh.authority.certPem, options: { allowHalfOpen: true } } }),
  });

const digest = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

async function collect(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

for (const port of [80, 81]) {
  const over = port === 80 ? "TLS" : "plain TCP";

  test(`over ${over}: megabytes both ways at once, in chunks of every size, arrive as they went`, async () => {
    serve = (socket) => socket.pipe(socket);
    const socket = await enter(port);
    const sent: Buffer[] = [];
    const received = collect(socket);
    for (const size of [1, 100, 65_535, 65_536, 65_537, 1_000_000, 5_000_000]) {
      const chunk = randomBytes(size);
      sent.push(chunk);
      if (!socket.write(chunk)) await once(socket, "drain");
    }
    socket.end();
    assert.equal(digest(await received), digest(Buffer.concat(sent)));
  });

  test(`over ${over}: the application answers after the caller has ended its side`, async () => {
    serve = (socket) => {
      void collect(socket).then((request) => socket.end(`got ${request.length}`));
    };
    const socket = await enter(port);
    const answer = collect(socket);
    socket.end(Buffer.alloc(300_000));
    assert.equal((await answer).toString(), "got 300000");
  });

  test(`over ${over}: the caller goes on after the application has ended its side`, async () => {
    const { promise, resolve } = Promise.withResolvers<Buffer>();
    serve = (socket) => {
      socket.end("enough said");
      void collect(socket).then(resolve);
    };
    const socket = await enter(port);
    socket.write("a");
    socket.resume();
    await once(socket, "end");
    socket.end("and more");
    assert.equal((await promise).toString(), "aand more");
  });

  test(`over ${over}: a caller that does not read holds the application back`, async () => {
    let written = 0;
    serve = (socket) => {
      const pump = (): void => {
        while (written < 200_000_000 && socket.write(Buffer.alloc(100_000))) written += 100_000;
        socket.once("drain", pump);
      };
      pump();
    };
    const socket = await enter(port);
    socket.write("a");
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(written < 50_000_000, `${written} bytes were taken from the application`);
    socket.destroy();
  });
}

test("a reset of the application reaches the caller as a reset", async () => {
  serve = (socket) => {
    socket.write("half");
    breakOff = () => socket.resetAndDestroy();
  };
  let breakOff: (() => void) | undefined;
  const socket = await enter(81);
  socket.write("a");
  const [first] = (await once(socket, "data")) as [Buffer];
  assert.equal(first.toString(), "half");
  breakOff?.();
  assert.deepEqual(await readToEnd(socket), { text: "", end: "ECONNRESET" });
  await sidecar.log.next({ event: "connection", end: "upstream-reset" });
});

test("a reset of the caller reaches the application", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  serve = (socket) => socket.resume().on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  const socket = await enter(81);
  socket.write("a");
  await once(application.server, "connection");
  socket.resetAndDestroy();
  assert.equal(await promise, "ECONNRESET");
});

test("silence on both sides ends after the idle limit, on the record", async () => {
  serve = (socket) => socket.resume();
  const socket = await enter(81);
  socket.write("a");
  socket.on("error", () => undefined);
  await readToEnd(socket);
  await sidecar.log.next({ event: "connection", end: "idle-timeout" });
});

test("an application that is not there closes the connection, on the record", async () => {
  await using alone = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: 1, forward: "stream" }],
  });
  const socket = await connect({ port: alone.port() });
  socket.write("a");
  assert.equal((await readToEnd(socket)).text, "");
  await alone.log.next({ event: "connection", end: "upstream-unreachable" });
});
