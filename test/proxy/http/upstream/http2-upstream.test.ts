/** Callers of HTTP/1.1 before an application that speaks HTTP/2 without TLS. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { buffer } from "node:stream/consumers";
import { call, connect, readToEnd } from "../../../support/caller/caller.ts";
import { backend, policy, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

type Headers = Readonly<Record<string, string | undefined>>;
type Answer = (stream: ServerHttp2Stream, headers: Headers, raw: readonly string[]) => void;

const STREAMS = 20;

let sidecar: TestSidecar;
let answer: Answer;
const sessions = new Set<ServerHttp2Session>();
let connections = 0;
const open = new Map<object | undefined, number>();
/** On one connection. */
let mostOpen = 0;
const server = createServer({ settings: { maxConcurrentStreams: STREAMS } });

before(async () => {
  server.on("session", (session) => {
    connections += 1;
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream: ServerHttp2Stream, headers, _flags, raw: readonly string[]) => {
    stream.on("error", () => undefined);
    const { session } = stream;
    const now = (open.get(session) ?? 0) + 1;
    open.set(session, now);
    mostOpen = Math.max(mostOpen, now);
    stream.once("close", () => open.set(session, (open.get(session) ?? 0) - 1));
    answer(stream, headers as Headers, raw);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  sidecar = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: (server.address() as AddressInfo).port, forward: "h2c" }],
    flags: ["--response-idle-timeout=1s"],
  });
});

beforeEach(() => {
  answer = (stream) => {
    stream.respond({ ":status": 200 });
    stream.end("answered");
  };
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  for (const session of sessions) session.destroy();
  server.close();
});

const ask = (options: Partial<Parameters<typeof call>[0]> = {}) => call({ port: sidecar.port(), ...options });

/** With a body in parts, of a length that is told or not. */
async function send(body: Buffer, sized: boolean): Promise<IncomingMessage> {
  const outgoing = request({
    host: "127.0.0.1",
    port: sidecar.port(),
    method: "POST",
    agent: false,
    headers: sized ? { "content-length": body.length } : {},
  });
  for (let at = 0; at < body.length; at += 50_000) outgoing.write(body.subarray(at, at + 50_000));
  outgoing.end();
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  return incoming;
}

test("what belongs to one connection stays there, the rest arrives in HTTP/2's terms", async () => {
  let seen: readonly string[] = [];
  answer = (stream, _headers, raw) => {
    seen = raw;
    stream.respond([":status", "200", "set-cookie", "a=1", "set-cookie", "b=2"] as never);
    stream.end("answered");
  };
  const { status, headers, body } = await ask({
    path: "/path?query=1",
    headers: {
      connection: "keep-alive, x-mine",
      "keep-alive": "timeout=5",
      "x-mine": "1",
      "X-Kept": "Yes",
      te: "trailers",
    },
  });
  assert.deepEqual([status, body, headers["set-cookie"]], [200, "answered", ["a=1", "b=2"]]);
  const pairs = new Map<string, string>();
  for (let index = 0; index < seen.length; index += 2) pairs.set(seen[index]!, seen[index + 1]!);
  assert.deepEqual(
    [":method", ":scheme", ":path", ":authority", "x-kept", "te"].map((name) => pairs.get(name)),
    ["GET", "http", "/path?query=1", "app.test", "Yes", "trailers"],
  );
  for (const name of ["connection", "keep-alive", "x-mine", "host", "transfer-encoding"])
    assert.equal(pairs.get(name), undefined, name);
});

test("bodies of every size and framing come back as they went", async () => {
  answer = (stream) => {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  };
  for (const size of [0, 1, 16_384, 65_536, 2_000_000])
    for (const sized of [true, false]) {
      const body = randomBytes(size);
      const incoming = await send(body, sized);
      assert.ok((await buffer(incoming)).equals(body), `${size} bytes, ${sized ? "sized" : "chunked"}`);
    }
});

test("HEAD and 204 have no body, hints and trailers come through", async () => {
  answer = (stream, headers) => {
    if (headers[":method"] === "HEAD")
      return stream.respond({ ":status": 200, "content-length": 42 }, { endStream: true });
    if (headers[":path"] === "/empty") return stream.respond({ ":status": 204 }, { endStream: true });
    stream.additionalHeaders({ ":status": 103, link: "</style.css>; rel=preload" });
    stream.respond({ ":status": 200, trailer: "checksum" }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ checksum: "abc", "x-forwarded-client-cert": "By=forged" }));
    stream.end("answered");
  };
  const head = await ask({ method: "HEAD" });
  assert.deepEqual([head.status, head.headers["content-length"], head.body], [200, "42", ""]);
  assert.equal((await ask({ path: "/empty" })).status, 204);
  const socket = await connect({ port: sidecar.port() });
  socket.write("GET / HTTP/1.1\r\nHost: app.test\r\nTE: trailers\r\nConnection: close\r\n\r\n");
  const { text } = await readToEnd(socket);
  assert.match(
    text,
    /^HTTP\/1\.1 103 [^]*<\/style\.css>[^]*HTTP\/1\.1 200 OK\r\n[^]*answered\r\n0\r\n[^]*checksum: abc\r\n/i,
  );
});

test("no connection has more streams at once than the application allows; more callers get more connections", async () => {
  const waiting: ServerHttp2Stream[] = [];
  connections = 0;
  mostOpen = 0;
  answer = (stream) => {
    waiting.push(stream);
    if (waiting.length === 50)
      for (const held of waiting.splice(0)) {
        held.respond({ ":status": 200 });
        held.end("answered");
      }
  };
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask()));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(mostOpen > 0 && mostOpen <= STREAMS, `${mostOpen} streams on one connection`);
  assert.ok(connections <= 3, `${connections} more connections`);
  for (const session of sessions) assert.ok((session.state.lastProcStreamID ?? 0) > 0);
});

/** Names that Node takes for single, and others. */
const REPEATED = [
  "if-match",
  "if-none-match",
  "if-modified-since",
  "content-language",
  "content-type",
  "user-agent",
  "authorization",
  "from",
  "referer",
  "etag",
  "x-content-type-options",
  "x-any",
];

for (const body of [undefined, "body"])
  test(`lines that a caller repeats reach the application as they came, ${body === undefined ? "without" : "with"} a body`, async () => {
    let seen: readonly string[] = [];
    answer = (stream, _headers, raw) => {
      seen = raw;
      stream.respond({ ":status": 200 });
      stream.end("answered");
    };
    const said = REPEATED.flatMap((name) => [
      [name, "a"],
      [name, "b"],
    ]);
    // The second of each behind the first of all.
    const lines = [...said.filter((_, index) => index % 2 === 0), ...said.filter((_, index) => index % 2 === 1)];
    const socket = await connect({ port: sidecar.port() });
    const framing = body === undefined ? "" : `content-length: ${body.length}\r\n`;
    socket.write(`PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${framing}`);
    socket.write(`${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body ?? ""}`);
    assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 200 /);
    const pairs: string[][] = [];
    for (let index = 0; index < seen.length; index += 2) pairs.push([seen[index]!, seen[index + 1]!]);
    assert.deepEqual(
      pairs.filter(([name]) => REPEATED.includes(name!)),
      lines,
    );
  });

test("an application that says GOAWAY is asked on another connection, and no request fails", async () => {
  for (let round = 0; round < 20; round += 1) {
    assert.equal((await ask()).status, 200);
    // A graceful end: what is in flight may finish.
    for (const session of sessions) session.close();
  }
});

test("a stream that is refused is tried again, whatever its method, and not for ever", async () => {
  let streams = 0;
  answer = (stream) => {
    streams += 1;
    if (streams === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    stream.respond({ ":status": 200 });
    stream.end("answered");
  };
  assert.deepEqual([(await ask()).status, streams], [200, 2]);
  streams = 0;
  assert.deepEqual([(await ask({ method: "POST", body: "x" })).status, streams], [200, 2]);
  streams = 0;
  answer = (stream) => {
    streams += 1;
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  };
  assert.deepEqual([(await ask()).status, streams], [502, 3]);
});

test("half an answer is cut, a broken connection is 502, silence is 504", async () => {
  answer = (stream) => {
    // Without trailers to wait for, Node would end the stream in good order before it resets it.
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.write("half");
    breakOff = () => stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  };
  let breakOff: (() => void) | undefined;
  const socket = await connect({ port: sidecar.port() });
  socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  let text = "";
  socket
    .on("error", () => undefined)
    .on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.includes("half")) breakOff?.();
    });
  await new Promise((resolve) => socket.once("close", resolve).once("end", resolve));
  assert.match(text, /half/);
  assert.doesNotMatch(text, /\r\n0\r\n\r\n/, "half an answer must not look whole");

  answer = (stream) => stream.session?.destroy();
  assert.equal((await ask()).status, 502);
  answer = () => undefined;
  assert.equal((await ask()).status, 504);
  answer = (stream) => {
    stream.respond({ ":status": 200 });
    stream.end("answered");
  };
  assert.equal((await ask()).status, 200);
});

test("a caller that goes away cancels its stream, and that one alone", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  answer = (stream, headers) => {
    if (headers[":path"] !== "/left") {
      stream.respond({ ":status": 200 });
      stream.end("answered");
      return;
    }
    stream.respond({ ":status": 200 });
    stream.write("begun");
    stream.once("close", () => resolve(stream.rstCode));
  };
  const socket = await connect({ port: sidecar.port() });
  socket.write("GET /left HTTP/1.1\r\nHost: app.test\r\n\r\n");
  await once(socket, "data");
  const before = connections;
  socket.destroy();
  assert.equal(await promise, constants.NGHTTP2_CANCEL);
  assert.equal((await ask()).status, 200);
  assert.equal(connections, before, "the connection goes on");
});
