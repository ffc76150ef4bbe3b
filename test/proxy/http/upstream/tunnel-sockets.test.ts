/** The last bytes of a WebSocket, whichever side ends first, and how the end is told. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { TunnelSockets } from "../../../../src/proxy/http/upstream/tunnel-sockets.ts";
import { startTcpApplication, type TestApplication } from "../../../support/application/application.ts";
import { switchFor } from "../../../support/application/websocket-switch.ts";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { FrameCaller, namesOf } from "../../../support/caller/http2-by-hand.ts";
import { FLAG, frame, FRAME, headerBlock } from "../../../support/caller/http2-frames.ts";
import { http, policy, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

const SIZES = [1, 1_000, 100_000, 300_000, 3_000_000];

let application: TestApplication;
let sidecar: TestSidecar;
/** What the application does with a tunnel that it has let come about. */
let serve: (socket: Socket) => void;

before(async () => {
  application = await startTcpApplication((socket) => {
    socket.once("data", (head: Buffer) => {
      socket.write(switchFor(head.toString("latin1")));
      serve(socket);
    });
  });
  sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

const UPGRADE =
  "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n";
const CONNECT = frame(
  FRAME.headers,
  FLAG.endHeaders,
  1,
  headerBlock([
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", "http"],
    [":authority", "a"],
    [":path", "/"],
    ["sec-websocket-version", "13"],
  ]),
);

async function overHttp1(): Promise<Socket> {
  const socket = await connect({ port: sidecar.port() });
  socket.write(UPGRADE);
  return socket;
}

async function overHttp2(): Promise<FrameCaller> {
  const caller = await FrameCaller.connect(sidecar.port());
  caller.send(CONNECT);
  return caller;
}

const over = ({ type, flags, stream }: { type: number; flags: number; stream: number }): boolean =>
  stream === 1 && (type === FRAME.resetStream || (flags & FLAG.endStream) !== 0);
const dataOf = (caller: FrameCaller): Buffer =>
  Buffer.concat(caller.frames.flatMap(({ type, payload }) => (type === FRAME.data ? [payload] : [])));

for (const size of SIZES) {
  test(`over HTTP/1.1: ${size} last bytes of the application arrive, then its end`, async () => {
    serve = (socket) => socket.resume().end(Buffer.alloc(size, "d"));
    const socket = await overHttp1();
    // Reads later than the bytes come.
    await once(socket, "readable");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(socket, "end");
    socket.end();
    assert.equal(Buffer.concat(chunks).toString("latin1").split("\r\n\r\n")[1]?.length, size);
  });

  test(`over HTTP/2: ${size} last bytes of the application arrive, then END_STREAM`, async () => {
    serve = (socket) => socket.resume().end(Buffer.alloc(size, "d"));
    using caller = await overHttp2();
    const frames = await caller.until(over);
    assert.deepEqual(namesOf(frames, 1), ["HEADERS", "DATA", "END_STREAM"]);
    assert.equal(dataOf(caller).length, size);
  });

  test(`over HTTP/1.1: ${size} last bytes of the caller arrive, then its end, and the answer after it`, async () => {
    const received = Promise.withResolvers<number>();
    serve = (socket) => {
      let bytes = 0;
      socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
      socket.once("end", () => {
        received.resolve(bytes);
        socket.end("bye");
      });
    };
    const socket = await overHttp1();
    await once(socket, "readable");
    socket.end(Buffer.alloc(size, "u"));
    assert.equal(await received.promise, size);
    const { text, end } = await readToEnd(socket);
    assert.match(text, /\r\n\r\nbye$/);
    assert.equal(end, "FIN");
  });

  test(`over HTTP/2: ${size} last bytes of the caller arrive, then its end, and the answer after it`, async () => {
    const received = Promise.withResolvers<number>();
    serve = (socket) => {
      let bytes = 0;
      socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
      socket.once("end", () => {
        received.resolve(bytes);
        socket.end("bye");
      });
    };
    using caller = await overHttp2();
    await caller.until(({ type }) => type === FRAME.headers);
    // Within what the stream's window allows.
    const sent = Math.min(size, 200_000);
    for (let at = 0; at < sent; at += 16_384)
      caller.send(frame(FRAME.data, 0, 1, Buffer.alloc(Math.min(16_384, sent - at))));
    caller.send(frame(FRAME.data, FLAG.endStream, 1));
    assert.equal(await received.promise, sent);
    const frames = await caller.until(over);
    assert.deepEqual(namesOf(frames, 1), ["HEADERS", "DATA", "END_STREAM"]);
    assert.equal(dataOf(caller).toString(), "bye");
  });
}

test("a reset of the application is a reset for the caller, after what came before it", async () => {
  serve = (socket) => {
    socket.write("half");
    socket.once("data", () => socket.resetAndDestroy());
  };
  const socket = await overHttp1();
  socket.once("data", () => socket.write("go on"));
  const { end } = await readToEnd(socket);
  assert.equal(end, "ECONNRESET");

  using caller = await overHttp2();
  await caller.until(({ type }) => type === FRAME.data);
  caller.send(frame(FRAME.data, 0, 1, Buffer.from("go on")));
  const names = namesOf(await caller.until(over), 1);
  assert.deepEqual(names.slice(0, 2), ["HEADERS", "DATA"]);
  assert.match(names[2] ?? "", /^RST_STREAM [1-9]/);
});

const CUTS: readonly (readonly [name: string, cut: () => Promise<void>])[] = [
  [
    "a reset of the connection over HTTP/1.1",
    async () => {
      const socket = await overHttp1();
      await once(socket, "data");
      socket.resetAndDestroy();
    },
  ],
  [
    "RST_STREAM",
    async () => {
      const caller = await overHttp2();
      await caller.until(({ type }) => type === FRAME.headers);
      caller.send(frame(FRAME.resetStream, 0, 1, Buffer.from([0, 0, 0, 8])));
    },
  ],
  [
    "RST_STREAM without an error",
    async () => {
      const caller = await overHttp2();
      await caller.until(({ type }) => type === FRAME.headers);
      caller.send(frame(FRAME.resetStream, 0, 1, Buffer.alloc(4)));
    },
  ],
  [
    "the end of an HTTP/2 connection whose stream is open",
    async () => {
      const caller = await overHttp2();
      await caller.until(({ type }) => type === FRAME.headers);
      caller[Symbol.dispose]();
    },
  ],
];

for (const [name, cut] of CUTS)
  test(`${name} is a reset for the application, and no end`, async () => {
    const ended = Promise.withResolvers<string>();
    serve = (socket) => {
      socket.resume();
      socket.once("end", () => ended.resolve("FIN"));
      socket.once("error", (error: NodeJS.ErrnoException) => ended.resolve(error.code ?? ""));
    };
    await cut();
    assert.equal(await ended.promise, "ECONNRESET");
  });

test("a tunnel without a byte in either direction is cut on both sides after the idle limit, and one in use is not", async () => {
  await using hasty = await startSidecar({
    manifests: [policy([http], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    flags: ["--idle-timeout=1s"],
  });
  const ended: Promise<string>[] = [];
  serve = (socket) => {
    // One that is spoken to answers.
    socket.on("data", (chunk: Buffer) => socket.write(chunk));
    ended.push(readToEnd(socket).then(({ end }) => end));
  };
  const quiet = await connect({ port: hasty.port() });
  quiet.write(UPGRADE);
  const used = await connect({ port: hasty.port() });
  used.write(UPGRADE);
  using overHttp2 = await FrameCaller.connect(hasty.port());
  overHttp2.send(CONNECT);
  await once(used, "readable");
  const timer = setInterval(() => used.write("d"), 200);
  assert.equal((await readToEnd(quiet)).end, "ECONNRESET");
  await hasty.log.next({ event: "connection", end: "idle-timeout" });
  const frames = await overHttp2.until(over);
  assert.match(namesOf(frames, 1).at(-1) ?? "", /^RST_STREAM/);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(used.destroyed, false);
  clearInterval(timer);
  used.destroy();
  for (const end of await Promise.all([ended[0], ended[2]])) assert.equal(end, "ECONNRESET");
});

test("a caller that takes nothing of what the application sends last is cut in the same time", async () => {
  await using hasty = await startSidecar({
    manifests: [policy([http], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    flags: ["--idle-timeout=1s"],
  });
  serve = (socket) => socket.resume().end(Buffer.alloc(20_000_000, "d"));
  const socket = await connect({ port: hasty.port() });
  socket.write(UPGRADE);
  await once(socket, "readable");
  await hasty.log.next({ event: "connection" });
  assert.equal((await readToEnd(socket)).end, "ECONNRESET");
});

test("last bytes that the caller never takes end the tunnel as one that nobody used", async () => {
  const upstream = new PassThrough();
  // Takes a write, and never says that it is out.
  const socket = new Duplex({ read: () => undefined, write: () => undefined });
  const said: string[] = [];
  const { promise: over, resolve: cut } = Promise.withResolvers<void>();
  const tunnel = new TunnelSockets(
    upstream,
    { socket, idle: () => void said.push("idle"), cut, fault: (fault) => assert.fail(fault) },
    50,
  );
  upstream.pipe(socket);
  upstream.end("last bytes");
  await once(upstream, "close");
  await over;
  assert.equal(tunnel.over, true);
  assert.deepEqual(said, ["idle"]);
});
