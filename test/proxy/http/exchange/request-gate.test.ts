/** What is refused without the application: the caller is shown the identifier under which its record can be found. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../../../support/application/application.ts";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { GATEWAY_NAME, TestMesh } from "../../../support/mesh/mesh.ts";
import { backend, mutual, policy, principal, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

const MAX_HEADERS = 20;
const MAX_HEADER_BYTES = 4_096;
const FORBIDDEN = 80;
const OPEN = 81;
const NOWHERE = 82;
const BUSY = 83;

let mesh: TestMesh;
let application: TestApplication;
let sidecar: TestSidecar;

before(async () => {
  mesh = await TestMesh.create();
  application = await startApplication((request, response) => {
    if (request.url === "/hold") response.writeHead(200).write("held");
    else response.end(JSON.stringify(request.rawHeaders));
  });
  sidecar = await startSidecar({
    manifests: [
      policy([mutual], [range("127.0.0.0/8"), principal(GATEWAY_NAME)], "test/tls"),
      ...[OPEN, NOWHERE, BUSY].map((port) =>
        policy([backend("foo", port, "http")], [range("127.0.0.0/8")], `test/p${port}`),
      ),
    ],
    backends: [
      { app: application.port },
      { port: OPEN, app: application.port },
      { port: NOWHERE, app: 1 },
      { port: BUSY, app: application.port },
    ],
    tls: mesh.own,
    flags: [
      `--max-headers=${MAX_HEADERS}`,
      `--max-header-bytes=${MAX_HEADER_BYTES}`,
      "--max-upstream-connections=1",
      "--max-queued-requests=0",
    ],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

interface Refused {
  readonly status: number;
  readonly requestId: string | undefined;
}

async function overHttp1(bytes: string, port = OPEN): Promise<Refused> {
  const tls = port === FORBIDDEN ? await mesh.caller("other.gw-ns.cluster.local") : undefined;
  const socket = await connect({ port: sidecar.port(port), ...(tls !== undefined && { tls }) });
  socket.write(bytes, "latin1");
  const { text } = await readToEnd(socket);
  socket.destroy();
  // RFC 9110 sections 6.6.1, 9.3.7 and 15.5.6: a response has a Date; one to OPTIONS and a 405 say what is allowed.
  const [head = ""] = text.split("\r\n\r\n");
  assert.match(head, /^date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/im);
  assert.equal(/^allow: GET, HEAD/im.test(head), /^HTTP\/1\.1 (?:204|405) /.test(head));
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]),
    requestId: /^x-request-id: (.+)\r$/im.exec(text)?.[1],
  };
}

async function overHttp2(headers: Record<string, string | string[]>, port = OPEN): Promise<Refused> {
  const tls = port === FORBIDDEN ? await mesh.caller("other.gw-ns.cluster.local") : undefined;
  await using caller = await Http2Caller.connect(sidecar.port(port), tls);
  if (caller.session.remoteSettings.enableConnectProtocol !== true) await once(caller.session, "remoteSettings");
  const stream = caller.open(headers, headers[":method"] !== "CONNECT");
  stream.on("error", () => undefined);
  const [response] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.match(String(response["date"]), / GMT$/);
  assert.equal(String(response["allow"]).startsWith("GET, HEAD"), [204, 405].includes(Number(response[":status"])));
  return { status: Number(response[":status"]), requestId: response["x-request-id"] as string | undefined };
}

/** One record has what the caller was shown. */
async function isRecorded({ status, requestId }: Refused, expected: number): Promise<void> {
  assert.equal(status, expected);
  assert.ok(requestId !== undefined, "no x-request-id was shown");
  await sidecar.log.next({ event: "request", requestId, status });
  assert.equal(sidecar.log.all({ event: "request", requestId }).length, 1);
}

const get = (lines = "", line = "GET / HTTP/1.1"): string => `${line}\r\nhost: a\r\nconnection: close\r\n${lines}\r\n`;
const UPGRADE = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
const many = Array.from({ length: MAX_HEADERS + 1 }, (_, index) => `x-${index}: v\r\n`).join("");

const OVER_HTTP1: readonly (readonly [name: string, bytes: string, status: number, port?: number])[] = [
  ["a wrong principal", get(), 403, FORBIDDEN],
  ["a wrong principal that asks for an upgrade", UPGRADE, 403, FORBIDDEN],
  ["too many lines", get(many), 431],
  ["too many lines of an upgrade", UPGRADE.replace("\r\n\r\n", `\r\n${many}\r\n`), 431],
  ["a header that is too large", get(`x: ${"y".repeat(2 * MAX_HEADER_BYTES)}\r\n`), 431],
  ["two hosts", get("host: a\r\n"), 400],
  ["what is no HTTP", "nonsense\r\n\r\n", 400],
  ["a line without a colon", get("nonsense\r\n"), 400],
  ["both framings", get("content-length: 1\r\ntransfer-encoding: chunked\r\n"), 400],
  ["an upgrade with a body", UPGRADE.replace("\r\n\r\n", "\r\ncontent-length: 1\r\n\r\n"), 400],
  ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n", 405],
  ["GET *", get("", "GET * HTTP/1.1"), 404],
  ["an expectation", get("expect: x\r\n"), 417],
  ["OPTIONS that may go no further", get("max-forwards: 0\r\n", "OPTIONS * HTTP/1.1"), 204],
  ["TRACE that may go no further", get("max-forwards: 0\r\n", "TRACE / HTTP/1.1"), 501],
  [
    "OPTIONS that may go on to an application that is not there",
    get("max-forwards: 1\r\n", "OPTIONS * HTTP/1.1"),
    503,
    NOWHERE,
  ],
  [
    "a wrong principal whose OPTIONS may go no further",
    get("max-forwards: 0\r\n", "OPTIONS * HTTP/1.1"),
    403,
    FORBIDDEN,
  ],
  ["an encoding", get("transfer-encoding: gzip\r\n", "POST / HTTP/1.1"), 501],
  ["an application that is not there", get(), 503, NOWHERE],
  ["an application that is not there, for an upgrade", UPGRADE, 503, NOWHERE],
];

for (const [name, bytes, status, port] of OVER_HTTP1)
  test(`over HTTP/1.1, ${name}: ${status} shows the identifier of its record`, async () => {
    await isRecorded(await overHttp1(bytes, port), status);
  });

const connecting = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": "/ws" };
const OVER_HTTP2: readonly (readonly [
  name: string,
  headers: Record<string, string | string[]>,
  status: number,
  port?: number,
])[] = [
  ["a wrong principal", {}, 403, FORBIDDEN],
  ["a wrong principal that asks for a WebSocket", connecting, 403, FORBIDDEN],
  ["too many lines", Object.fromEntries(Array.from({ length: MAX_HEADERS + 1 }, (_, i) => [`x-${i}`, "v"])), 431],
  ["a header list that is too large", { x: "y".repeat(MAX_HEADER_BYTES) }, 431],
  ["a header list of many small crumbs that is too large", { cookie: Array.from({ length: 120 }, () => "a=1") }, 431],
  ["a fragment", { ":path": "/a#b" }, 400],
  ["another host", { host: "elsewhere" }, 400],
  ["CONNECT to another protocol", { ...connecting, ":protocol": "connect-udp" }, 405],
  ["an expectation", { expect: "x" }, 417],
  ["OPTIONS that may go no further", { ":method": "OPTIONS", "max-forwards": "0" }, 204],
  ["TRACE that may go no further", { ":method": "TRACE", "max-forwards": "0" }, 501],
  ["an application that is not there", {}, 503, NOWHERE],
  ["an application that is not there, for a WebSocket", connecting, 503, NOWHERE],
];

for (const [name, headers, status, port] of OVER_HTTP2)
  test(`over HTTP/2, ${name}: ${status} shows the identifier of its record`, async () => {
    await isRecorded(await overHttp2(headers, port), status);
  });

test("a busy application: 503 shows the identifier of its record, over both versions", async () => {
  const holding = await connect({ port: sidecar.port(BUSY) });
  holding.write("GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(holding, "data");
  await isRecorded(await overHttp1(get(), BUSY), 503);
  await isRecorded(await overHttp2({}, BUSY), 503);
  holding.destroy();
});

test("the caller's own identifier is kept, byte for byte, in response, record and body", async () => {
  for (const id of ["mine", "caf\xe9", '"quoted"']) {
    const refused = await overHttp1(get(`x-request-id: ${id}\r\nexpect: x\r\n`));
    assert.equal(refused.requestId, id);
    await isRecorded(refused, 417);
  }
});

test("cookie crumbs are one line: any number within the size passes, and arrives joined in order", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(OPEN));
  const crumbs = Array.from({ length: 3 * MAX_HEADERS }, (_, index) => `c${index}=v`);
  const { status, body } = await caller.call({ cookie: crumbs, "x-any": "1" });
  assert.equal(status, 200);
  const raw = JSON.parse(body.toString()) as readonly string[];
  const cookies = raw.filter((_, index) => index % 2 === 1 && raw[index - 1]!.toLowerCase() === "cookie");
  assert.deepEqual(cookies, [crumbs.join("; ")]);
});
