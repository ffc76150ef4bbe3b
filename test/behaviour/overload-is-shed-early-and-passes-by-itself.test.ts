import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { call, connect, exchange, readToEnd, tryCall } from "../support/caller/caller.ts";
import { backend, policy, range } from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";

let application: TestApplication;
/** Answers that wait for the test. */
const waiting: ServerResponse[] = [];

before(async () => {
  application = await startApplication((request, response) => {
    if (request.url === "/wait") waiting.push(response);
    else if (request.url === "/events") response.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n");
    else response.end("ok");
  });
});

after(async () => {
  await application?.[Symbol.asyncDispose]();
});

function guard(...flags: string[]): Promise<TestSidecar> {
  return startSidecar({
    manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    flags: ["--refusal-logs-per-second=10000", ...flags],
  });
}

test("beyond the application's connections and the queue, requests are 503 before the application answers any; then all is as before", async () => {
  await using sidecar = await guard("--max-upstream-connections=2", "--max-queued-requests=3");
  const calls = Array.from({ length: 6 }, () => call({ port: sidecar.port(), path: "/wait" }));
  // One is beyond the two connections and the queue of three: no other is answered before the application answers.
  const busy = await Promise.race(calls);
  assert.equal(busy.status, 503);
  assert.match(busy.body, /^the application is busy \(request [0-9a-f-]{36}\)\n$/);
  const release = setInterval(() => waiting.splice(0).forEach((response) => response.end("late")), 20);
  const answers = await Promise.all(calls);
  clearInterval(release);
  assert.deepEqual(
    [200, 503].map((wanted) => answers.filter(({ status }) => status === wanted).length),
    [5, 1],
  );
  assert.equal((await call({ port: sidecar.port() })).status, 200);
  await sidecar.log.next({ event: "request", reason: "upstream-busy" });
});

test("behind event streams that hold every connection a request waits so long for one, and is 503 then", async () => {
  await using sidecar = await guard("--max-upstream-connections=2", "--connect-timeout=500ms");
  const streams = await Promise.all([1, 2].map(() => connect({ port: sidecar.port() })));
  for (const socket of streams) socket.write("GET /events HTTP/1.1\r\nhost: a\r\n\r\n");
  for (const socket of streams) await once(socket, "data");
  const startedAt = performance.now();
  const busy = await call({ port: sidecar.port() });
  assert.equal(busy.status, 503);
  assert.match(busy.body, /^the application is busy \(request [0-9a-f-]{36}\)\n$/);
  assert.ok(performance.now() - startedAt >= 450, "it has waited");
  await sidecar.log.next({ event: "request", reason: "upstream-busy" });
  const waiting = call({ port: sidecar.port() });
  streams[0]!.destroy();
  assert.equal((await waiting).status, 200, "a connection has come free");
  streams[1]!.destroy();
});

test("a request whose caller leaves while it waits for a connection never reaches the application", async () => {
  await using sidecar = await guard("--max-upstream-connections=1", "--connect-timeout=60s");
  const stream = await connect({ port: sidecar.port() });
  stream.write("GET /events HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(stream, "data");
  const left = await connect({ port: sidecar.port() });
  left.write("GET /left HTTP/1.1\r\nhost: a\r\n\r\n");
  await until("both requests have been read", async () => {
    const { connections } = await sidecar.adminJson<{ connections: readonly { requests: number }[] }>("/connections");
    return connections.length === 2 && connections.every(({ requests }) => requests === 1);
  });
  const after = call({ port: sidecar.port(), path: "/after" });
  left.resetAndDestroy();
  await sidecar.log.next({ event: "request", path: "/left", reason: "request-cancelled" });
  stream.destroy();
  assert.equal((await after).status, 200);
  assert.deepEqual(
    application.requests.map(({ url }) => url).filter((url) => url === "/left" || url === "/after"),
    ["/after"],
  );
});

test("connections beyond the limit are closed at accept, and the place of one that goes is free again", async () => {
  await using sidecar = await guard("--max-connections=3");
  const sockets = await Promise.all(Array.from({ length: 3 }, () => connect({ port: sidecar.port() })));
  for (const socket of sockets) assert.equal((await exchange(socket, {})).status, 200);
  assert.ok("error" in (await tryCall({ port: sidecar.port() })));
  await sidecar.log.next({ event: "connection", end: "overload" });
  assert.equal((await exchange(sockets[1]!, {})).status, 200);
  for (const socket of sockets) socket.destroy();
  await until("a place is free", async () => "status" in (await tryCall({ port: sidecar.port() })));
});

test("of a burst of connections of one address some are served, and more later; another address is served meanwhile", async () => {
  await using sidecar = await guard("--handshakes-per-second-per-source=5");
  const burst = await Promise.all(
    Array.from({ length: 20 }, () => tryCall({ port: sidecar.port(), from: "127.0.0.7" })),
  );
  const served = burst.filter((outcome) => "status" in outcome).length;
  assert.ok(served >= 1 && served <= 10, `${served} of 20`);
  assert.equal((await call({ port: sidecar.port(), from: "127.0.0.8" })).status, 200);
  await until(
    "it is served again",
    async () => "status" in (await tryCall({ port: sidecar.port(), from: "127.0.0.7" })),
  );
});

test("a connection that has lived its time ends after an answer that says so, and when it is idle", async () => {
  await using sidecar = await guard("--lifetime=1s");
  const socket = await connect({ port: sidecar.port() });
  await until("an answer says that it is the last", async () => {
    const { status, headers } = await exchange(socket, {});
    assert.equal(status, 200);
    return headers.connection === "close";
  });
  if (!socket.readableEnded) await readToEnd(socket);
  await sidecar.log.next({ event: "connection", end: "lifetime-reached" });
  const idle = await connect({ port: sidecar.port() });
  await exchange(idle, {});
  idle.resume();
  await once(idle, "end");
});
