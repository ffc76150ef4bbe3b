/** How many connections and streams an application of HTTP/2 sees, and who waits. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "../../../../src/config/config.ts";
import { Http2Upstream } from "../../../../src/proxy/http/upstream/http2-upstream.ts";
import { startTcpApplication } from "../../../support/application/application.ts";
import { ask, dispatch } from "./http1-rig.ts";
import { answer, Http2Application } from "./http2-rig.ts";

for (const maxUpstreamConnections of [1, 2, 256]) {
  test(`sixty requests at once to ten streams a connection are served on ${maxUpstreamConnections} connections at most`, async () => {
    await using application = await Http2Application.start(10);
    application.onStream = (stream) => setTimeout(() => answer(stream), 5);
    const upstream = application.upstream({ maxUpstreamConnections });
    const told = await Promise.all(Array.from({ length: 60 }, () => ask(upstream)));
    assert.ok(told.every(({ status }) => status === 200));
    assert.ok(application.mostStreams <= 10, `${application.mostStreams} streams on one connection`);
    assert.ok(application.connections <= Math.min(6, maxUpstreamConnections), `${application.connections} connections`);
    assert.equal(application.streams, 60);
  });
}

test("it is full when all connections are, and as many wait as may", async () => {
  await using application = await Http2Application.start(3);
  application.onStream = () => undefined;
  const upstream = application.upstream({ maxUpstreamConnections: 2, maxQueuedRequests: 4 });
  const first = dispatch(upstream);
  while (application.streams < 1) await new Promise((resolve) => setImmediate(resolve));
  const waiting = Array.from({ length: 8 }, () => dispatch(upstream));
  assert.equal(upstream.full, false);
  const last = dispatch(upstream);
  assert.equal(upstream.full, true);
  for (const told of [first, ...waiting, last]) told.control!.abort(new Error("left"));
  await last.over;
  assert.equal(upstream.full, false);
});

test("one that waits is served when a stream ends", async () => {
  await using application = await Http2Application.start(1);
  const upstream = application.upstream({ maxUpstreamConnections: 1 });
  const order: string[] = [];
  application.onStream = (stream, path) => {
    order.push(path);
    setImmediate(() => answer(stream));
  };
  const paths = ["/1", "/2", "/3", "/4"];
  await Promise.all(paths.map((path) => ask(upstream, { path })));
  assert.deepEqual(order, paths);
  assert.deepEqual([application.mostStreams, application.connections], [1, 1]);
});

test("one that waits too long behind streams that do not end is told that the application is busy", async () => {
  await using application = await Http2Application.start(1);
  const upstream = application.upstream({ maxUpstreamConnections: 1, connectTimeoutMs: 100 });
  application.onStream = (stream) => {
    stream.respond({ ":status": 200 });
    stream.write("no end");
  };
  const endless = dispatch(upstream);
  await endless.begun;
  assert.equal((await ask(upstream)).code, "BUSY");
  assert.equal(endless.ends, 0);
  endless.control!.abort(new Error("the end of the test"));
});

test("a connection whose end takes its time does not keep another from taking its place", async () => {
  await using application = await Http2Application.start();
  const upstream = application.upstream({ maxUpstreamConnections: 1 });
  application.onStream = (stream) => {
    stream.respond({ ":status": 200 });
    stream.write("begun");
    stream.session!.close();
  };
  const long = dispatch(upstream);
  await long.begun;
  application.onStream = answer;
  assert.equal((await ask(upstream)).body, "ok");
  assert.equal(application.connections, 2);
  long.control!.abort(new Error("left"));
});

test("an idle connection is closed, and a later request has another one", async () => {
  await using application = await Http2Application.start();
  const upstream = application.upstream({ upstreamKeepAliveMs: 50 });
  await ask(upstream);
  const [session] = application.sessions;
  await once(session!, "close");
  assert.equal((await ask(upstream)).body, "ok");
  assert.equal(application.connections, 2);
});

test("an application that does not say how many streams it takes is sent none, and each request ends as a connect timeout", async () => {
  const sent: Buffer[] = [];
  await using application = await startTcpApplication((socket) => {
    socket.on("data", (chunk: Buffer) => sent.push(chunk));
  });
  const limits = { ...DEFAULT_LIMITS, connectTimeoutMs: 200 };
  const upstream = new Http2Upstream({ host: "127.0.0.1", port: application.port }, limits);
  const told = await Promise.all([ask(upstream), ask(upstream)]);
  assert.deepEqual(
    told.map(({ code }) => code),
    ["CONNECT_TIMEOUT", "CONNECT_TIMEOUT"],
  );
  // The preface is 24 bytes; frames behind it carry their type in the fourth byte.
  const bytes = Buffer.concat(sent);
  for (let at = 24; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3)) assert.notEqual(bytes[at + 3], 1, "HEADERS");
  assert.equal(application.connections, 1);
});

test("an application that refuses the connection fails all that wait for it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  const upstream = new Http2Upstream({ host: "127.0.0.1", port }, DEFAULT_LIMITS);
  const told = await Promise.all(Array.from({ length: 5 }, () => ask(upstream)));
  assert.ok(told.every(({ code }) => code === "ECONNREFUSED"));
});

test("an application that speaks HTTP/1.1 instead is an invalid one", async () => {
  await using application = await startTcpApplication((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const upstream = new Http2Upstream({ host: "127.0.0.1", port: application.port }, DEFAULT_LIMITS);
  assert.equal((await ask(upstream)).code, "NOT_HTTP2");
});
