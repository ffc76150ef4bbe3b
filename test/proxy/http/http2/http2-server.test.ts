import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../../../support/application/application.ts";
import { call } from "../../../support/caller/caller.ts";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { GATEWAY_NAME, TestMesh } from "../../../support/mesh/mesh.ts";
import { backend, mutual, policy, principal, range } from "../../../support/mesh/objects.ts";
import { until } from "../../../support/until.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

let mesh: TestMesh;
let application: TestApplication;
let sidecar: TestSidecar;
/** Requests whose caller went away. */
const aborted: string[] = [];

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { url = "/" } = request;
  request.on("close", () => {
    if (!request.complete || !response.writableEnded) aborted.push(url);
  });
  if (url === "/echo") request.pipe(response);
  else if (url === "/empty") response.writeHead(204).end();
  else if (url === "/not-modified") response.writeHead(304, { etag: '"1"' }).end();
  else if (url === "/trailers") {
    response.writeHead(200, { trailer: "x-sum", connection: "x-hop", "x-hop": "1", "keep-alive": "timeout=5" });
    response.write("part");
    response.addTrailers({ "x-sum": "42" });
    response.end();
  } else if (url === "/request-trailers") {
    request.resume().once("end", () => response.end(JSON.stringify(request.rawTrailers)));
  } else if (url === "/hints") {
    response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    response.end("hinted");
  } else if (url === "/large")
    response.writeHead(200, { "content-length": 20_000_000 }).end(Buffer.alloc(20_000_000, "x"));
  else if (url.startsWith("/hold")) response.writeHead(200).write("first");
  else if (url === "/early") response.writeHead(413).end("too much");
  else response.end(JSON.stringify({ method: request.method, url, rawHeaders: request.rawHeaders }));
}

before(async () => {
  mesh = await TestMesh.create();
  application = await startApplication(answer);
  sidecar = await startSidecar({
    manifests: [
      policy([mutual], [range("127.0.0.0/8"), principal(GATEWAY_NAME)], "test/tls"),
      policy([backend("foo", 81, "http")], [range("127.0.0.0/8")], "test/plain"),
    ],
    backends: [{ app: application.port }, { port: 81, app: application.port }],
    tls: mesh.own,
    flags: ["--max-streams=50"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
}

const seen = ({ body }: { readonly body: Buffer }): Seen => JSON.parse(body.toString()) as Seen;

test("HTTP/2 over TLS reaches an HTTP/1.1 application as a message of its own kind", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  assert.equal(caller.session.alpnProtocol, "h2");
  const got = await caller.call({
    ":path": "/a?b=%20c",
    cookie: ["a=1", "b=2"],
    te: "trailers",
    "x-forwarded-client-cert": "By=forged",
    "X-Mixed": "kept",
  });
  assert.equal(got.status, 200);
  const { method, url, rawHeaders } = seen(got);
  assert.deepEqual([method, url], ["GET", "/a?b=%20c"]);
  const lines = new Map<string, string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    assert.ok(!lines.has(name), `${name} came twice`);
    lines.set(name, rawHeaders[index + 1]!);
  }
  assert.equal(lines.get("host"), "app.test");
  assert.equal(lines.get("cookie"), "a=1; b=2");
  assert.equal(lines.get("x-mixed"), "kept");
  assert.equal(lines.get("x-forwarded-proto"), "https");
  assert.match(lines.get("x-forwarded-client-cert") ?? "", /^Hash=[0-9a-f]{64};DNS=gw\.gw-ns\.cluster\.local$/);
  for (const name of ["te", "transfer-encoding", "content-length", ":path"]) assert.ok(!lines.has(name), name);
});

test("prior knowledge on a plaintext port, beside HTTP/1.1 on the same port", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(81));
  assert.equal((await caller.call()).status, 200);
  assert.equal((await call({ port: sidecar.port(81), method: "PUT", body: "x" })).status, 200);
  assert.equal((await call({ port: sidecar.port(81), method: "PROPFIND" })).status, 200);
});

test("bodies of every size come back as they went, many streams at once", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const sizes = [0, 1, 1_000, 16_384, 65_535, 65_536, 300_000, 2_000_000];
  const bodies = Array.from({ length: 24 }, (_, index) => randomBytes(sizes[index % sizes.length]!));
  const echoed = await Promise.all(
    bodies.map((body, index) =>
      caller.call(
        { ":path": "/echo", ":method": "POST", ...(index % 2 === 0 && { "content-length": body.length }) },
        body,
      ),
    ),
  );
  for (const [index, { status, body }] of echoed.entries()) {
    assert.equal(status, 200);
    assert.ok(body.equals(bodies[index]!), `body ${index} changed`);
  }
});

test("trailers of a request reach the application; who the caller is, they do not say", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const stream = caller.session.request(
    { ":path": "/request-trailers", ":method": "POST", ":authority": "a" },
    { waitForTrailers: true },
  );
  stream.once("wantTrailers", () => stream.sendTrailers({ "x-sum": "42", "x-forwarded-client-cert": "Hash=1" }));
  stream.end("body");
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  assert.equal(text, '["x-sum","42"]');
});

test("HEAD, 204 and 304 have no body, trailers and early hints come through, hop-by-hop lines do not", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const head = await caller.call({ ":method": "HEAD", ":path": "/large" });
  assert.deepEqual([head.status, head.body.length, head.headers["content-length"]], [200, 0, "20000000"]);
  for (const [path, status] of [
    ["/empty", 204],
    ["/not-modified", 304],
  ] as const) {
    const got = await caller.call({ ":path": path });
    assert.deepEqual([got.status, got.body.length], [status, 0]);
  }
  const trailers = await caller.call({ ":path": "/trailers" });
  assert.equal(trailers.body.toString(), "part");
  assert.equal(trailers.trailers["x-sum"], "42");
  for (const name of ["connection", "keep-alive", "x-hop", "transfer-encoding"])
    assert.equal(trailers.headers[name], undefined, name);
  const hinted = await caller.call({ ":path": "/hints" });
  assert.equal(hinted.informed[0]?.[":status"], 103);
  assert.equal(hinted.body.toString(), "hinted");
});

test("a caller that stops reading one stream does not hold up another, and is not sent far ahead", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const stalled = caller.open({ ":path": "/large" }, true);
  await once(stalled, "response");
  assert.equal((await caller.call({ ":path": "/quick" })).status, 200);
  const rows = await sidecar.adminJson<{ connections: readonly { bytesOut: number; protocol: string }[] }>(
    "/connections",
  );
  const row = rows.connections.findLast(({ protocol }) => protocol === "h2");
  assert.ok(row !== undefined && row.bytesOut < 2_000_000, JSON.stringify(rows));
  let length = 0;
  for await (const chunk of stalled) length += (chunk as Buffer).length;
  assert.equal(length, 20_000_000);
});

test("a stream that its caller resets ends the application's request, and that one alone", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const stream = caller.open({ ":path": "/hold" }, true);
  stream.on("error", () => undefined);
  await once(stream, "data");
  stream.close(8);
  await sidecar.log.next({ path: "/hold", reason: "request-cancelled" });
  assert.ok(aborted.includes("/hold"));
  assert.equal((await caller.call()).status, 200);
});

for (const port of [80, 81]) {
  test(`a caller that leaves with a stream open, ${port === 80 ? "over TLS" : "in plaintext"}, is gone at the application too`, async () => {
    await using caller = await Http2Caller.connect(sidecar.port(port), port === 80 ? await mesh.caller() : undefined);
    const path = `/hold?${port}`;
    const stream = caller.open({ ":path": path }, true);
    stream.on("error", () => undefined);
    await once(stream, "data");
    const from = sidecar.log.lines.length;
    // Its process ends: a FIN, and no GOAWAY before it.
    caller.session.socket.destroy();
    await sidecar.log.next({ path: "/hold", port, reason: "request-cancelled" }, { from });
    await sidecar.log.next({ event: "connection", port }, { from });
    await until(path, () => aborted.includes(path));
  });
}

test("an answer that comes before the end of the upload is given whole", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const stream = caller.open({ ":path": "/early", ":method": "POST" });
  stream.on("error", () => undefined);
  stream.write(Buffer.alloc(100_000));
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.equal(headers[":status"], 413);
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "close");
  assert.equal(Buffer.concat(chunks).toString(), "too much");
  assert.equal((await caller.call()).status, 200);
});

test("a wrong principal gets 403 on every stream, gRPC in its own words, and nothing reaches the application", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller("other.gw-ns.cluster.local"));
  const reached = application.requests.length;
  const plain = await caller.call();
  assert.deepEqual([plain.status, plain.body.toString()], [403, "RBAC: access denied"]);
  const grpc = await caller.call({ ":method": "POST", "content-type": "application/grpc" }, "");
  assert.equal(grpc.status, 200);
  assert.deepEqual([grpc.headers["grpc-status"], grpc.headers["grpc-message"]], ["7", "RBAC: access denied"]);
  const upload = await caller.call({ ":method": "POST" }, Buffer.alloc(10_000));
  assert.equal(upload.status, 403);
  assert.equal(application.requests.length, reached);
});

test("the limit of streams is told, and two hundred calls at once are all answered", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  // The limit is in the SETTINGS that come with the first answer.
  await caller.call();
  const answers = await Promise.all(Array.from({ length: 200 }, () => caller.call()));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(caller.session.remoteSettings.maxConcurrentStreams, 50);
});

test("a fragment, an authority with a user, an unknown expectation and another host are refused, the connection goes on", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const reached = application.requests.length;
  assert.equal((await caller.call({ ":path": "/a#b" })).status, 400);
  // nghttp2 itself finds this malformed.
  await assert.rejects(caller.call({ ":authority": "a@b" }), /PROTOCOL_ERROR/);
  assert.equal((await caller.call({ expect: "200-ok" })).status, 417);
  assert.equal((await caller.call({ host: "elsewhere" })).status, 400);
  assert.equal(application.requests.length, reached);
  assert.equal((await caller.call()).status, 200);
});

test("a connection that loses its right: streams in flight may finish, no further one is taken", async () => {
  await using caller = await Http2Caller.connect(sidecar.port(), await mesh.caller());
  const upload = caller.open({ ":path": "/echo", ":method": "POST" });
  upload.write("begun ");
  await once(upload, "response");
  await sidecar.apply([policy([mutual], [range("127.0.0.0/8"), principal("somebody.else")], "test/tls")]);
  await caller.goaway;
  upload.end("and finished");
  const chunks: Buffer[] = [];
  for await (const chunk of upload) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), "begun and finished");
  if (!caller.session.destroyed) await once(caller.session, "close");
  await sidecar.log.next({ event: "connection", end: "revoked" });
});
