/** In which order the frames of a response come: what asks the caller to stop must not overtake what it is to read. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { startTcpApplication, type TestApplication } from "../../../support/application/application.ts";
import { startHttp2ByHand } from "../../../support/application/http2-by-hand.ts";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { FrameCaller, namesOf } from "../../../support/caller/http2-by-hand.ts";
import { FLAG, frame, FRAME, headerBlock, type Frame } from "../../../support/caller/http2-frames.ts";
import { backend, policy, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

let http1: TestApplication;
let http2: TestApplication;
let sidecar: TestSidecar;
/** The response of either application, sent as soon as a request's head has come. */
let inHttp1: string;
let inHttp2: (stream: number) => readonly Buffer[];

before(async () => {
  http1 = await startTcpApplication((socket: Socket) => {
    let head = "";
    socket.on("data", (chunk: Buffer) => {
      if (head.includes("\r\n\r\n")) return;
      head += chunk.toString("latin1");
      if (head.includes("\r\n\r\n")) socket.write(inHttp1);
    });
    socket.on("end", () => socket.end());
  });
  http2 = await startHttp2ByHand((stream, socket) => socket.write(Buffer.concat([...inHttp2(stream)])));
  sidecar = await startSidecar({
    manifests: [80, 81].map((port) => policy([backend("foo", port, "http")], [range("127.0.0.0/8")], `test/p${port}`)),
    backends: [{ app: http1.port }, { port: 81, app: http2.port, forward: "h2c" }],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await http1?.[Symbol.asyncDispose]();
  await http2?.[Symbol.asyncDispose]();
});

const head = (method: string, stream = 1): Buffer =>
  frame(
    FRAME.headers,
    FLAG.endHeaders,
    stream,
    headerBlock([
      [":method", method],
      [":scheme", "http"],
      [":authority", "a"],
      [":path", "/"],
      ["te", "trailers"],
    ]),
  );
const headers = (stream: number, lines: readonly (readonly [string, string])[], end = false): Buffer =>
  frame(FRAME.headers, FLAG.endHeaders | (end ? FLAG.endStream : 0), stream, headerBlock(lines));
const data = (stream: number, bytes: number, end = false): Buffer =>
  frame(FRAME.data, end ? FLAG.endStream : 0, stream, Buffer.alloc(bytes, "d"));
const parts = (stream: number, count: number): readonly Buffer[] =>
  Array.from({ length: count }, () => data(stream, 10_000));

interface EarlyResponse {
  readonly name: string;
  readonly method?: string;
  readonly http1: string;
  readonly http2: (stream: number) => readonly Buffer[];
  readonly expected: readonly string[];
}

const LARGE = 60_000;
const RESPONSES: readonly EarlyResponse[] = [
  {
    name: "a body with a length",
    http1: "HTTP/1.1 413 No\r\ncontent-length: 7\r\n\r\ntoo big",
    http2: (stream) => [
      headers(stream, [
        [":status", "413"],
        ["content-length", "7"],
      ]),
      data(stream, 7, true),
    ],
    expected: ["HEADERS", "DATA", "END_STREAM"],
  },
  {
    name: "a body of unknown length",
    http1: "HTTP/1.1 413 No\r\ntransfer-encoding: chunked\r\n\r\n7\r\ntoo big\r\n0\r\n\r\n",
    http2: (stream) => [headers(stream, [[":status", "413"]]), data(stream, 7, true)],
    expected: ["HEADERS", "DATA", "END_STREAM"],
  },
  {
    name: "a body and trailers",
    http1: "HTTP/1.1 413 No\r\ntransfer-encoding: chunked\r\n\r\n7\r\ntoo big\r\n0\r\nx-sum: 1\r\n\r\n",
    http2: (stream) => [
      headers(stream, [[":status", "413"]]),
      data(stream, 7),
      headers(stream, [["x-sum", "1"]], true),
    ],
    expected: ["HEADERS", "DATA", "HEADERS", "END_STREAM"],
  },
  {
    name: "a body that fills the caller's window",
    http1: `HTTP/1.1 413 No\r\ncontent-length: ${LARGE}\r\n\r\n${"d".repeat(LARGE)}`,
    http2: (stream) => [headers(stream, [[":status", "413"]]), ...parts(stream, LARGE / 10_000), data(stream, 0, true)],
    expected: ["HEADERS", "DATA", "END_STREAM"],
  },
  {
    name: "no body",
    http1: "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n",
    http2: (stream) => [
      headers(
        stream,
        [
          [":status", "403"],
          ["content-length", "0"],
        ],
        true,
      ),
    ],
    expected: ["HEADERS", "END_STREAM"],
  },
  {
    name: "204",
    http1: "HTTP/1.1 204 No\r\n\r\n",
    http2: (stream) => [headers(stream, [[":status", "204"]], true)],
    expected: ["HEADERS", "END_STREAM"],
  },
  {
    name: "a head that a status of gRPC is in",
    http1: "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 7\r\ncontent-length: 0\r\n\r\n",
    http2: (stream) => [
      headers(
        stream,
        [
          [":status", "200"],
          ["grpc-status", "7"],
        ],
        true,
      ),
    ],
    expected: ["HEADERS", "END_STREAM"],
  },
  {
    name: "a response to HEAD",
    method: "HEAD",
    http1: "HTTP/1.1 413 No\r\ncontent-length: 7\r\n\r\n",
    http2: (stream) => [
      headers(
        stream,
        [
          [":status", "413"],
          ["content-length", "7"],
        ],
        true,
      ),
    ],
    expected: ["HEADERS", "END_STREAM"],
  },
  {
    name: "103 and a body",
    http1: "HTTP/1.1 103 Hint\r\nlink: </a>\r\n\r\nHTTP/1.1 413 No\r\ncontent-length: 7\r\n\r\ntoo big",
    http2: (stream) => [
      headers(stream, [
        [":status", "103"],
        ["link", "</a>"],
      ]),
      headers(stream, [[":status", "413"]]),
      data(stream, 7, true),
    ],
    expected: ["HEADERS", "HEADERS", "DATA", "END_STREAM"],
  },
];

const isReset = ({ type, stream }: Frame): boolean => type === FRAME.resetStream && stream === 1;

for (const { name, method = "POST", expected, ...response } of RESPONSES)
  for (const [application, port] of [
    ["HTTP/1.1", 80],
    ["h2c", 81],
  ] as const)
    test(`${name} before the upload's end, from an ${application} application: all of it, then RST_STREAM(NO_ERROR)`, async () => {
      inHttp1 = response.http1;
      inHttp2 = response.http2;
      using caller = await FrameCaller.connect(sidecar.port(port));
      caller.send(head(method), data(1, 1_000));
      const frames = await caller.until(isReset);
      assert.deepEqual(namesOf(frames, 1), [...expected, "RST_STREAM 0"]);
    });

test("a response of our own before the upload's end is whole, too", async () => {
  using caller = await FrameCaller.connect(sidecar.port());
  caller.send(
    frame(
      FRAME.headers,
      FLAG.endHeaders,
      1,
      headerBlock([
        [":method", "POST"],
        [":scheme", "http"],
        [":authority", "a"],
        [":path", "/a"],
        ["expect", "the-unexpected"],
      ]),
    ),
    data(1, 1_000),
  );
  const frames = await caller.until(isReset);
  assert.deepEqual(namesOf(frames, 1), ["HEADERS", "DATA", "END_STREAM", "RST_STREAM 0"]);
});

test("half a response is reset and has no END_STREAM, from either application", async () => {
  inHttp1 = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
  inHttp2 = (stream) => [headers(stream, [[":status", "200"]]), data(stream, 4)];
  for (const [port, application] of [
    [80, http1],
    [81, http2],
  ] as const)
    for (const upload of [true, false]) {
      using caller = await FrameCaller.connect(sidecar.port(port));
      caller.send(head(upload ? "POST" : "GET"), upload ? data(1, 10) : data(1, 0, true));
      await caller.until(({ type }) => type === FRAME.data);
      for (const socket of application.sockets) socket.resetAndDestroy();
      const names = namesOf(await caller.until(isReset), 1);
      assert.deepEqual(names.slice(0, -1), ["HEADERS", "DATA"], `${port}`);
      assert.match(names.at(-1) ?? "", /^RST_STREAM [1-9]/);
    }
});

test("trailers that are named as what every object has reach the caller, from either application", async () => {
  const lines = ["constructor", "__proto__", "tostring"].map((name) => [name, "1"] as const);
  const trailers = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  inHttp1 = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${trailers}\r\n`;
  inHttp2 = (stream) => [headers(stream, [[":status", "200"]]), data(stream, 2), headers(stream, lines, true)];
  for (const port of [80, 81]) {
    await using caller = await Http2Caller.connect(sidecar.port(port));
    const stream = caller.open({ ":path": "/", te: "trailers" }, true);
    let received: readonly string[] = [];
    stream.on("trailers", (_trailers, _flags, raw: readonly string[]) => (received = raw));
    await once(stream.resume(), "close");
    assert.equal(stream.rstCode, 0);
    assert.deepEqual(received, lines.flat(), `${port}`);
  }
});
