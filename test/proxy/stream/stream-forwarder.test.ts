import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, Socket } from "node:net";
import { after, before, test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { startTcpApplication, type TestApplication } from "../../support/application/application.ts";
import { startUnanswering } from "../../support/application/unanswering.ts";
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
    // A caller that is gone before its address is read is a refusal; each has its line here.
    flags: ["--idle-timeout=1s", "--refusal-logs-per-second=1000"],
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
    await setTimeout(500);
    assert.ok(written < 50_000_000, `${written} bytes were taken from the application`);
    socket.destroy();
  });
}

for (const port of [80, 81])
  test(`over ${port === 80 ? "TLS" : "plain TCP"}: a caller that says nothing and ends its side at once is answered`, async () => {
    serve = (socket) => void socket.resume().on("end", () => socket.end("bye"));
    for (let count = 0; count < 20; count += 1) {
      const to = { host: "127.0.0.1", port: sidecar.port(port), allowHalfOpen: true };
      // TLS cannot end before its handshake is over; TCP ends in the turn in which it connects.
      const socket =
        port === 80
          ? connectTls({ ...to, rejectUnauthorized: false }, () => socket.end())
          : connectTcp(to, () => socket.end());
      assert.deepEqual(await readToEnd(socket), { text: "bye", end: "FIN" });
    }
  });

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
  // It is dialled before the caller says anything.
  const dialled = once(application.server, "connection");
  const socket = await enter(81);
  socket.write("a");
  await dialled;
  socket.resetAndDestroy();
  assert.equal(await promise, "ECONNRESET");
});

/** How long after its first byte a caller resets. */
const HASTE: readonly (readonly [name: string, wait: () => Promise<unknown>])[] = [
  ["at once", () => Promise.resolve()],
  ["a turn later", () => setImmediate()],
  ["a millisecond later", () => setTimeout(1)],
  ["three milliseconds later", () => setTimeout(3)],
  ["ten milliseconds later", () => setTimeout(10)],
];

/** How each connection that the application took has ended, once `count` callers are on the record. */
async function resetting(count: number, reset: () => Promise<void>): Promise<readonly string[]> {
  const ends: Promise<string>[] = [];
  serve = (socket) => {
    socket.resume().write("b");
    ends.push(
      new Promise((resolve) => {
        socket.once("end", () => resolve("FIN"));
        socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      }),
    );
  };
  const recorded = (): number => sidecar.log.all({ event: "connection" }).length;
  const before = recorded();
  for (let attempt = 0; attempt < count; attempt += 1) await reset();
  await sidecar.log.next(() => recorded() >= before + count);
  return Promise.all(ends);
}

for (const [name, wait] of HASTE)
  test(`a caller that resets ${name} is never an orderly end for the application`, async () => {
    const ends = await resetting(10, async () => {
      const socket = await enter(81);
      socket.on("error", () => undefined);
      socket.write("a");
      await wait();
      socket.resetAndDestroy();
    });
    assert.deepEqual(new Set(["ECONNRESET", ...ends]), new Set(["ECONNRESET"]));
  });

test("a reset of the caller under TLS is a reset for the application", async () => {
  const ends = await resetting(5, async () => {
    const raw = await connect({ port: sidecar.port(80) });
    const socket = await connect({
      port: sidecar.port(80),
      tls: { ca: mesh.authority.certPem, options: { socket: raw } },
    });
    for (const one of [raw, socket]) one.on("error", () => undefined);
    await once(socket, "data");
    raw.resetAndDestroy();
  });
  assert.deepEqual(
    ends,
    Array.from({ length: 5 }, () => "ECONNRESET"),
  );
});

test("an application that resets as soon as it is dialled is a reset for the caller, whatever the caller has said", async () => {
  serve = (socket) => socket.resetAndDestroy();
  for (const bytes of ["a", "a".repeat(100_000)]) {
    // The reset may come before the caller knows that it is connected.
    const entered = await enter(81).catch((error: NodeJS.ErrnoException) => ({ text: "", end: error.code }));
    if (entered instanceof Socket) entered.write(bytes);
    const outcome = entered instanceof Socket ? await readToEnd(entered) : entered;
    assert.deepEqual(outcome, { text: "", end: "ECONNRESET" });
  }
});

test("a caller that resets while the application does not answer the dial ends as a reset, not as a dial that timed out", async () => {
  await using nowhere = await startUnanswering();
  await using behind = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: nowhere.port, forward: "stream" }],
    flags: ["--connect-timeout=60s"],
  });
  const socket = await connect({ port: behind.port() });
  socket.write("a");
  await setTimeout(100);
  socket.resetAndDestroy();
  await behind.log.next({ event: "connection", end: "downstream-reset" });
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
