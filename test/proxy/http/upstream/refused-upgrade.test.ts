/** An upgrade that the application refuses is answered as any request is; what it was asked for is what the caller asked for. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { webSocketAccept } from "../../../../src/proxy/http/upstream/websocket-key.ts";
import { startTcpApplication, type TestApplication } from "../../../support/application/application.ts";
import { Neighbour } from "../../../support/application/neighbour.ts";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { backend, policy, range, http } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

const NEIGHBOUR = 81;
let application: TestApplication;
let neighbour: Neighbour;
let sidecar: TestSidecar;
/** The head of the newest request, and what is done with it. */
let asked = "";
let respond: (socket: Socket) => void;

before(async () => {
  application = await startTcpApplication((socket) => {
    let head = "";
    socket.on("end", () => socket.end());
    socket.on("data", (chunk: Buffer) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      asked = head;
      head = "";
      respond(socket);
    });
  });
  neighbour = await Neighbour.start();
  sidecar = await startSidecar({
    manifests: [policy([http, backend("foo", NEIGHBOUR, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }, { port: NEIGHBOUR, app: neighbour.port }],
    flags: ["--response-idle-timeout=1s"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await neighbour?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

const upgrade = (target = "/"): Buffer =>
  Buffer.from(
    `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n`,
    "latin1",
  );

interface Seen {
  readonly status: number;
  readonly body: string;
  /** The caller knows that nothing is missing. */
  readonly whole: boolean;
}

async function overHttp1(): Promise<Seen> {
  const socket = await connect({ port: sidecar.port() });
  socket.write(upgrade());
  const { text, end } = await readToEnd(socket);
  socket.destroy();
  const at = text.indexOf("\r\n\r\n");
  const [head, rest] = [text.slice(0, at), text.slice(at + 4)];
  assert.equal(text.split("HTTP/1.1 ").length, 2, `one response: ${JSON.stringify(text)}`);
  const [, length] = /content-length: (\d+)/i.exec(head) ?? [];
  const chunked = /transfer-encoding: chunked/i.test(head);
  const body = chunked
    ? rest.replaceAll(/[0-9a-f]+\r\n([^\r]*)\r\n/gi, "$1").replace(/(?:[\w-]+: \w+)?(?:\r\n)*$/, "")
    : rest;
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]),
    body,
    whole:
      end === "FIN" &&
      (chunked
        ? /\r\n0\r\n(?:[\w-]+: \w+\r\n)*\r\n$/.test(`\r\n${rest}`)
        : length === undefined || Number(length) === rest.length),
  };
}

async function overHttp2(path = "/", lines: Readonly<Record<string, string>> = {}): Promise<Seen> {
  await using caller = await Http2Caller.connect(sidecar.port());
  if (caller.session.remoteSettings.enableConnectProtocol !== true) await once(caller.session, "remoteSettings");
  const stream = caller.open({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":path": path,
    "sec-websocket-version": "13",
    ...lines,
  });
  let status = 0;
  let body = "";
  stream.on("error", () => undefined);
  stream.on("response", (headers) => {
    status = headers[":status"] ?? 0;
    stream.end();
  });
  stream.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
  await new Promise((resolve) => stream.once("close", resolve));
  return { status, body, whole: stream.rstCode === 0 && stream.readableEnded };
}

interface Refusal {
  readonly name: string;
  readonly respond: (socket: Socket) => void;
  readonly status: number | readonly number[];
  /** Where HTTP/2 has another: a 2xx to extended CONNECT would say that the WebSocket stands (RFC 8441 section 5). */
  readonly http2?: number;
  readonly body?: string;
  /** Half of it is missing. */
  readonly cut?: true;
}

const saying =
  (text: string, then?: (socket: Socket) => void) =>
  (socket: Socket): void => {
    socket.write(text, "latin1", () => then?.(socket));
  };
const HALF = "content-length: 500\r\n\r\nhalf";
/** Behind what was sent, so that both arrive. */
const soon = (act: (socket: Socket) => void) => (socket: Socket) => void setTimeout(act, 100, socket);
const reset = soon((socket) => socket.resetAndDestroy());
const fin = soon((socket) => socket.end());

const REFUSALS: readonly Refusal[] = [
  {
    name: "a length",
    respond: saying("HTTP/1.1 401 No\r\ncontent-length: 5\r\n\r\nnope!"),
    status: 401,
    body: "nope!",
  },
  { name: "a length of zero", respond: saying("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"), status: 403 },
  {
    name: "chunks",
    respond: saying("HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n3\r\npe!\r\n0\r\n\r\n"),
    status: 401,
    body: "nope!",
  },
  {
    name: "chunks and a trailer",
    respond: saying("HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\nnope!\r\n0\r\nx-sum: 1\r\n\r\n"),
    status: 401,
    body: "nope!",
  },
  { name: "an end by close", respond: saying("HTTP/1.1 401 No\r\n\r\nnope!", fin), status: 401, body: "nope!" },
  { name: "HTTP/1.0", respond: saying("HTTP/1.0 401 No\r\n\r\nnope!", fin), status: 401, body: "nope!" },
  { name: "204", respond: saying("HTTP/1.1 204 None\r\n\r\n"), status: 204, http2: 502 },
  { name: "304", respond: saying("HTTP/1.1 304 Same\r\netag: x\r\n\r\n"), status: 304 },
  {
    name: "302",
    respond: saying("HTTP/1.1 302 There\r\nlocation: /\r\ncontent-length: 2\r\n\r\nhi"),
    status: 302,
    body: "hi",
  },
  {
    name: "200",
    respond: saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"),
    status: 200,
    http2: 502,
    body: "hi",
  },
  {
    name: "299 without a length",
    respond: saying("HTTP/1.1 299 OK\r\n\r\nhi", fin),
    status: 299,
    http2: 502,
    body: "hi",
  },
  { name: "404", respond: saying("HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nhi"), status: 404, body: "hi" },
  {
    name: "426 that asks for another protocol",
    respond: saying("HTTP/1.1 426 Up\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nhi"),
    status: 426,
    body: "hi",
  },
  ...["100", "102", "103"].map((status) => ({
    name: `${status} before the refusal`,
    respond: saying(`HTTP/1.1 ${status} Wait\r\nlink: </a>\r\n\r\nHTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno`),
    status: 401,
    body: "no",
  })),
  {
    name: "a reset in mid-body",
    respond: saying(`HTTP/1.1 401 No\r\n${HALF}`, reset),
    status: 401,
    body: "half",
    cut: true,
  },
  {
    name: "a FIN in mid-body",
    respond: saying(`HTTP/1.1 401 No\r\n${HALF}`, fin),
    status: 401,
    body: "half",
    cut: true,
  },
  {
    name: "a FIN between chunks",
    respond: saying("HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", fin),
    status: 401,
    body: "half",
    cut: true,
  },
  {
    name: "a reset of a body without length",
    respond: saying("HTTP/1.1 401 No\r\n\r\nhalf", reset),
    status: 401,
    body: "half",
    cut: true,
  },
  ...["000", "099", "600", "999"].map((status) => ({
    name: `status ${status}`,
    respond: saying(`HTTP/1.1 ${status} What\r\ncontent-length: 2\r\n\r\nhi`),
    status: [502, 504],
  })),
  { name: "101 without an upgrade", respond: saying("HTTP/1.1 101 Go\r\n\r\n"), status: [502, 504] },
  {
    name: "101 to another protocol",
    respond: saying("HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"),
    status: 502,
  },
  { name: "no HTTP", respond: saying("SSH-2.0-OpenSSH\r\n"), status: 502 },
  { name: "a close without a word", respond: (socket) => socket.destroy(), status: 502 },
  { name: "a reset without a word", respond: (socket) => socket.resetAndDestroy(), status: 502 },
  { name: "silence", respond: () => undefined, status: 504 },
];

for (const { name, respond: responding, status, http2, body, cut } of REFUSALS)
  for (const [version, call] of [
    ["HTTP/1.1", overHttp1],
    ["HTTP/2", overHttp2],
  ] as const)
    test(`${name}, over ${version}: ${cut === undefined ? "one whole response" : "half a response, and it is known"}`, async () => {
      respond = responding;
      const seen = await call();
      const expected = version === "HTTP/2" ? (http2 ?? status) : status;
      assert.ok([expected].flat().includes(seen.status), JSON.stringify(seen));
      assert.equal(seen.whole, cut === undefined, JSON.stringify(seen));
      if (seen.status < 500) assert.equal(seen.body, body ?? "");
    });

/** Behind a head that is in order. */
const MALFORMED = {
  "a trailer without a name": "5\r\nhello\r\n0\r\n:x: 5\r\n\r\n",
  "a trailer that is no line": "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
  "a chunk size that is no number": "5\r\nhello\r\nzz\r\n",
  "a chunk longer than its size": "5\r\nhello, you\r\n0\r\n\r\n",
  "a first chunk without a size": "\r\n\r\n",
} as const;

for (const [name, body] of Object.entries(MALFORMED))
  for (const [version, call] of [
    ["HTTP/1.1", overHttp1],
    ["HTTP/2", overHttp2],
  ] as const)
    test(`a refusal with ${name}, over ${version}: 502 or a cut, a record, and the neighbour goes on`, async () => {
      respond = saying(`HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
      using beside = await neighbour.call(sidecar, NEIGHBOUR);
      const from = sidecar.log.lines.length;
      const seen = await call();
      assert.ok(seen.whole ? seen.status === 502 : [401, 502].includes(seen.status), JSON.stringify(seen));
      await sidecar.log.next({ event: "request", status: seen.status }, { from });
      await beside.goesOn();
    });

/** What url.parse() and `new URL()` would rewrite. */
const TARGETS = [
  "/a\\b",
  "/?a\\b=\\",
  "/%2f%2F%5c%00",
  "//double//slash/",
  "//host.test/path",
  "/./a/../b/.",
  "/%2e%2e/",
  "/a?b?c=%20&d=+&&e",
  "/?",
  "/a;b=c,d!$&'()*+@:",
  '/{}|^`"<>',
  "/caf\xe9\xff\x80",
  "/?q=\xe9",
  "/http://user:pass@host/",
  "/[::1]",
  `/${"a".repeat(8_000)}`,
];

for (const target of TARGETS)
  test(`the target ${target.slice(0, 30)} of an upgrade reaches the application byte for byte`, async () => {
    respond = saying("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n");
    const socket = await connect({ port: sidecar.port() });
    asked = "";
    socket.write(upgrade(target));
    const { text } = await readToEnd(socket);
    // Node's parser of HTTP/1.1 takes no byte above ASCII in a target.
    if (/[\x80-\xff]/.test(target)) assert.match(text, /^HTTP\/1\.1 400 /);
    else {
      assert.match(text, /^HTTP\/1\.1 404 /);
      assert.equal(asked.split("\r\n", 1)[0], `GET ${target} HTTP/1.1`);
    }
    asked = "";
    assert.equal((await overHttp2(target)).status, 404);
    assert.equal(asked.split("\r\n", 1)[0], `GET ${target} HTTP/1.1`);
  });

const ACCEPTS = {
  none: "",
  "of another key": `sec-websocket-accept: ${webSocketAccept("MDEyMzQ1Njc4OWFiY2RlZg==")}\r\n`,
  empty: "sec-websocket-accept:\r\n",
} as const;

for (const [name, line] of Object.entries(ACCEPTS))
  test(`a 101 over HTTP/2 whose Sec-WebSocket-Accept is ${name}: 502, a record and the reason`, async () => {
    const from = sidecar.log.lines.length;
    respond = saying(`HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: websocket\r\n${line}\r\nsaid`);
    assert.equal((await overHttp2()).status, 502);
    await sidecar.log.next({ event: "request", status: 502, reason: "upstream-invalid" }, { from });
  });

test("a key that a caller of HTTP/2 made, and its accept, do not reach the application", async () => {
  respond = saying("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n");
  await overHttp2("/", { "sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg==", "sec-websocket-accept": "x" });
  const keys = asked.split("\r\n").filter((line) => /^sec-websocket-(?:key|accept)/i.test(line));
  assert.equal(keys.length, 1, asked);
  assert.match(keys[0]!, /^Sec-WebSocket-Key: [\w+/]{22}==$/i);
  assert.doesNotMatch(keys[0]!, /MDEyMzQ1Njc4OWFiY2RlZg/);
});

test("the 101 has what the application said, repeated lines and bytes above ASCII included, and nothing of its hop", async () => {
  respond = saying(
    "HTTP/1.1 101 Go\r\nConnection: Upgrade, x-hop\r\nUpgrade: WebSocket\r\nx-any: a\r\nx-any: caf\xe9\r\nset-cookie: a\r\nset-cookie: b\r\netag: 1\r\netag: 2\r\nkeep-alive: timeout=5\r\nx-hop: 1\r\n\r\n",
    (socket) => socket.end("said"),
  );
  const socket = await connect({ port: sidecar.port() });
  socket.write(upgrade());
  socket.end();
  const { text } = await readToEnd(socket);
  const [head = "", rest] = text.split("\r\n\r\n");
  assert.equal(rest, "said");
  const [line, ...lines] = head.toLowerCase().split("\r\n");
  assert.equal(line, "http/1.1 101 switching protocols");
  assert.deepEqual(lines.sort(), [
    "connection: upgrade",
    "etag: 1",
    "etag: 2",
    "set-cookie: a",
    "set-cookie: b",
    "upgrade: websocket",
    "x-any: a",
    "x-any: caf\xe9",
  ]);
});

test("a thread's first upgrade makes Node warn of nothing", async () => {
  respond = saying("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n");
  assert.equal((await overHttp1()).status, 404);
  assert.deepEqual(
    sidecar.log.all((line) => /DEP0060|trace-deprecation/.test(JSON.stringify(line))),
    [],
  );
});
