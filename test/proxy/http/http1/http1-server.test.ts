import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import {
  startApplication,
  startTcpApplication,
  type TestApplication,
} from "../../../support/application/application.ts";
import { call, connect, readToEnd } from "../../../support/caller/caller.ts";
import { backend, policy, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

let application: TestApplication;
/** Answers with whatever bytes a test has put here, one answer a request. */
let raw: TestApplication;
let rawAnswers: string[] = [];
let sidecar: TestSidecar;
const cancelled: string[] = [];

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { url = "/" } = request;
  response.on("close", () => {
    if (!response.writableFinished) cancelled.push(url);
  });
  if (url === "/echo") request.pipe(response);
  else if (url === "/empty") response.writeHead(204).end();
  else if (url === "/trailers") {
    response.writeHead(200, { trailer: "x-sum" });
    response.write("part");
    response.addTrailers({ "x-sum": "42" });
    response.end();
  } else if (url === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    request.socket.once("tick", (text: string) => response.write(text));
    streams.push(response);
  } else if (url === "/hold") {
    response.writeHead(200).write("first");
  } else if (url === "/slow") setTimeout(() => response.end("slow"), 100);
  else if (url === "/early") response.writeHead(413).end("too much");
  else if (url === "/large") {
    response.writeHead(200, { "content-length": 50_000_000 });
    response.end(Buffer.alloc(50_000_000, "x"));
  } else response.end(JSON.stringify({ method: request.method, url, rawHeaders: request.rawHeaders }));
}
const streams: ServerResponse[] = [];

before(async () => {
  application = await startApplication(answer);
  raw = await startTcpApplication((socket) => {
    socket.on("data", () => socket.write(rawAnswers.shift() ?? ""));
    socket.on("end", () => socket.end());
  });
  sidecar = await startSidecar({
    manifests: [
      policy([backend("foo", 80, "http")], [range("127.0.0.0/8")], "test/a"),
      policy([backend("foo", 81, "http")], [range("127.0.0.0/8")], "test/b"),
    ],
    backends: [{ app: application.port }, { port: 81, app: raw.port }],
    flags: ["--max-upstream-connections=4", "--response-idle-timeout=2s"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
  await raw?.[Symbol.asyncDispose]();
});

/** Sends bytes as they are, and gives what came back once the connection ended, or `pattern` was seen. */
async function send(bytes: string, pattern?: RegExp, port = 80): Promise<string> {
  const socket = await connect({ port: sidecar.port(port) });
  socket.write(bytes);
  if (pattern === undefined) return (await readToEnd(socket)).text;
  let text = "";
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString("latin1");
    if (pattern.test(text)) break;
  }
  socket.destroy();
  return text;
}

test("bodies of every size and framing come back as they went", async () => {
  for (const size of [0, 1, 16_384, 16_385, 70_000, 3_000_000]) {
    const body = randomBytes(size);
    for (const headers of [{ "content-length": String(size) }, { "transfer-encoding": "chunked" }]) {
      const request = httpRequest({ port: sidecar.port(), host: "127.0.0.1", method: "POST", path: "/echo", headers });
      request.end(body);
      const [response] = (await once(request, "response")) as [IncomingMessage];
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      assert.ok(Buffer.concat(chunks).equals(body), `${size} ${JSON.stringify(headers)}`);
    }
  }
});

test("pipelined requests are answered in order, each from its own answer", async () => {
  const paths = ["/slow", "/1", "/slow", "/2", "/empty", "/3"];
  const bytes = paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join("");
  const text = await send(`${bytes}GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
  const order = [...text.matchAll(/slow|HTTP\/1\.1 204|"url":"([^"]+)"/g)].map(([all, url]) => url ?? all);
  assert.deepEqual(order, ["slow", "/1", "slow", "/2", "HTTP/1.1 204", "/3", "/last"]);
});

test("a response waits as long as the one before it takes, and its caller is not taken for one that does not read", async () => {
  await using slow = await startApplication((request, response) => {
    if (request.url === "/quick") return void response.end("quick");
    response.writeHead(200);
    let parts = 0;
    const timer = setInterval(() => {
      parts += 1;
      response.write(`part ${parts}\n`);
      if (parts < 30) return;
      clearInterval(timer);
      response.end();
    }, 100);
  });
  await using guard = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: slow.port }],
    flags: ["--request-idle-timeout=1s"],
  });
  const socket = await connect({ port: guard.port() });
  // Of absolute-form requests Node's server reads the rest of the connection, and serves what is pipelined at once.
  socket.write("GET http://a/parts HTTP/1.1\r\nhost: a\r\n\r\n");
  socket.write("GET /quick HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const { text, end } = await readToEnd(socket);
  assert.match(text, /part 1\n[^]*part 30\n[^]*quick$/);
  assert.equal(end, "FIN");
  const { durationMs } = await guard.log.next({ event: "request", path: "/quick" });
  assert.ok(Number(durationMs) > 1_000, "it was served beside the first");
});

test("responses that wait behind another one hold connections of the application for no longer than a caller may read nothing", async () => {
  const block = Buffer.alloc(200_000, "x");
  await using endless = await startApplication((request, response) => {
    if (request.url === "/quick") return void response.end("quick");
    const part = request.url === "/events" ? "event\n" : block;
    response.writeHead(200).write(part);
    const timer = setInterval(() => response.write(part), 50);
    response.once("close", () => clearInterval(timer));
  });
  await using guard = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: endless.port }],
    flags: ["--request-idle-timeout=1s", "--connect-timeout=10s", "--max-upstream-connections=4"],
  });
  const greedy = await connect({ port: guard.port() });
  const ended = readToEnd(greedy);
  greedy.write(`GET http://a/events HTTP/1.1\r\nhost: a\r\n\r\n${"GET /block HTTP/1.1\r\nhost: a\r\n\r\n".repeat(20)}`);
  assert.equal((await ended).end, "ECONNRESET");
  assert.equal((await call({ port: guard.port(), path: "/quick" })).status, 200);
});

test("HTTP/1.0 callers are served, with and without keep-alive, and get no chunks", async () => {
  const closed = await send("GET /a HTTP/1.0\r\n\r\n");
  assert.match(closed, /^HTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(closed, /transfer-encoding/i);
  const streamed = await send("POST /echo HTTP/1.0\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello");
  assert.match(streamed, /\r\n\r\nhello$/);
  const kept = await send("GET /a HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n", /"url":"\/a"/);
  assert.match(kept, /connection: keep-alive/i);
});

test("absolute-form reaches the application in origin-form; another host in it and CONNECT do not", async () => {
  assert.match(await send("GET http://a/x?y HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"), /"url":"\/x\?y"/);
  for (const [target, host] of [
    ["http://a:80/x?y", "a"],
    ["http://a/x?y", "A:80"],
    ["https://a:443/x?y", "a"],
    ["http://a:/x?y", "a"],
  ])
    assert.match(
      await send(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`),
      /"url":"\/x\?y"/,
      target,
    );
  const before = application.requests.length;
  const refused = [
    ["GET http://a:443/x HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET https://a:80/x HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET http://a:8080/x HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET http://b/x HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n", 405],
    ["GET /x HTTP/1.1\r\n\r\n", 400],
    ["GET /x HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400],
    ["POST /x HTTP/1.1\r\nhost: a\r\nexpect: the-unexpected\r\ncontent-length: 1\r\n\r\nx", 417],
  ] as const;
  for (const [bytes, status] of refused) assert.match(await send(bytes), new RegExp(`^HTTP/1\\.1 ${status} `), bytes);
  assert.equal(application.requests.length, before);
});

test("OPTIONS * is the application's to answer, by either form of it", async () => {
  for (const line of ["OPTIONS * HTTP/1.1", "OPTIONS http://a HTTP/1.1"])
    assert.match(await send(`${line}\r\nhost: a\r\nconnection: close\r\n\r\n`), /"method":"OPTIONS","url":"\*"/, line);
});

test("an expectation is answered here, before the application has the request, and not passed on", async () => {
  const socket = await connect({ port: sidecar.port() });
  socket.write(
    "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n",
  );
  const [first] = (await once(socket, "data")) as [Buffer];
  assert.equal(first.toString(), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.write("body");
  assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 200 OK\r\n[^]*body/);
  const { headers } = application.requests.findLast(({ url }) => url === "/echo")!;
  assert.equal(headers.expect, undefined);
});

test("an event stream's head and each event come before the application sends the next", async () => {
  const socket = await connect({ port: sidecar.port() });
  socket.write("GET /events HTTP/1.1\r\nhost: a\r\n\r\n");
  const [head] = (await once(socket, "data")) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1\.1 200 OK\r\n[^]*text\/event-stream/);
  for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
    streams.at(-1)!.write(event);
    const [chunk] = (await once(socket, "data")) as [Buffer];
    assert.ok(chunk.toString().includes(event));
  }
  socket.destroy();
});

test("trailers come through", async () => {
  const text = await send("GET /trailers HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: close, te\r\n\r\n");
  assert.match(text, /\r\n0\r\nx-sum: 42\r\n/);
});

test("a trailer that would frame, route or keep the message is left out", async () => {
  for (const name of ["connection", "keep-alive", "trailer", "te", "upgrade", "host", "set-cookie", "content-type"]) {
    rawAnswers = [
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n0\r\nx-sum: 42\r\n${name}: trailing\r\n\r\n`,
    ];
    const text = await send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", undefined, 81);
    assert.match(text, /\r\npart\r\n0\r\nx-sum: 42\r\n\r\n$/, name);
  }
});

test("a caller that goes away cancels the application's request", async () => {
  const socket = await connect({ port: sidecar.port() });
  socket.write("GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(socket, "data");
  socket.resetAndDestroy();
  await sidecar.log.next({ path: "/hold", reason: "request-cancelled" });
  assert.ok(cancelled.includes("/hold"));
});

test("a caller that only ends its side has its answer; a stream of events ends with it", async () => {
  for (const [line, ending] of [
    ["GET /slow HTTP/1.1", "connection: close"],
    ["GET /slow HTTP/1.1", "x: y"],
    ["GET /slow HTTP/1.0", "x: y"],
  ]) {
    const socket = await connect({ port: sidecar.port() });
    socket.end(`${line}\r\nhost: a\r\n${ending}\r\n\r\n`);
    assert.match((await readToEnd(socket)).text, /^HTTP\/1\.1 200 OK\r\n[^]*slow/, line);
  }
  const socket = await connect({ port: sidecar.port() });
  socket.on("error", () => undefined);
  socket.write("GET /events HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(socket, "data");
  socket.end();
  await sidecar.log.next({ path: "/events", reason: "request-cancelled" });
});

test("an upload that is answered early gets its answer, and its connection ends with it", async () => {
  const socket = await connect({ port: sidecar.port() });
  socket.write("POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
  socket.write(Buffer.alloc(1_000));
  const { text } = await readToEnd(socket);
  assert.match(text, /^HTTP\/1\.1 413 Payload Too Large\r\n[^]*connection: close[^]*too much/i);
});

test("a response is not taken far ahead of a caller that stops reading", async () => {
  const socket = await connect({ port: sidecar.port() });
  socket.pause();
  socket.write("GET /large HTTP/1.1\r\nhost: a\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { connections } = await sidecar.adminJson<{ connections: readonly { bytesOut: number; port: number }[] }>(
    "/connections",
  );
  assert.ok(connections[0]!.bytesOut < 20_000_000, JSON.stringify(connections));
  let length = 0;
  for await (const chunk of socket) {
    length += (chunk as Buffer).length;
    if (length > 50_000_000) break;
  }
});

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

test("a 100 that nobody asked for is passed over, and costs no other caller its answer", async () => {
  rawAnswers = [`HTTP/1.1 100 Continue\r\n\r\n${OK}`];
  const text = await send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", undefined, 81);
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
  for (let turn = 0; turn < 8; turn += 1) {
    rawAnswers = [OK];
    const { status } = await call({ port: sidecar.port(81) });
    assert.equal(status, 200);
  }
});

test("an application that says nothing is 504, one that breaks off is 502, half an answer is cut", async () => {
  rawAnswers = [""];
  const late = await call({ port: sidecar.port(81) });
  assert.equal(late.status, 504);
  assert.match(late.body, /^stream timeout \(request [0-9a-f-]{36}\)\n$/);
  rawAnswers = ["nonsense\r\n\r\n"];
  assert.equal((await call({ port: sidecar.port(81) })).status, 502);
  rawAnswers = ["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"];
  const socket = await connect({ port: sidecar.port(81) });
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(socket, "data");
  for (const upstream of raw.sockets) upstream.destroy();
  assert.equal((await readToEnd(socket)).end, "ECONNRESET");
});

test("a kept connection that the application closes under a request is tried again once, and only for GET", async () => {
  let closing = false;
  await using flaky = await startTcpApplication((socket) => {
    socket.on("data", () => {
      if (closing) socket.destroy();
      else socket.write(OK);
      closing = false;
    });
  });
  await using behind = await startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: flaky.port }],
  });
  const port = behind.port();
  for (let turn = 0; turn < 4; turn += 1) {
    assert.equal((await call({ port })).status, 200);
    closing = true;
    assert.equal((await call({ port })).status, 200, "the repetition is answered");
  }
  closing = true;
  const posted = await call({ port, method: "POST", body: "x" });
  assert.equal(posted.status, 502);
  assert.match(posted.body, /^the application closed the connection \(request /);
});
