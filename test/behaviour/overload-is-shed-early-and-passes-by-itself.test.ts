import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
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
