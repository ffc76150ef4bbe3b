import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { connect, exchange } from "../support/caller/caller.ts";
import { Http2Caller } from "../support/caller/http2-caller.ts";
import { startLoad } from "../support/caller/load.ts";
import { TestMesh } from "../support/mesh/mesh.ts";
import { policy, range, serverOnly } from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { Switchboard } from "../support/api-server/switchboard.ts";
import { until } from "../support/until.ts";

let mesh: TestMesh;
let application: TestApplication;

before(async () => {
  mesh = await TestMesh.create();
  // Some answers take a while, so that there is always something in flight.
  application = await startApplication((request, response) => {
    if (request.url?.endsWith("slow") === true) setTimeout(() => response.end("slow"), 50);
    else response.end("quick");
  });
});

after(async () => {
  await application?.[Symbol.asyncDispose]();
});

function replica(): Promise<TestSidecar> {
  return startSidecar({
    manifests: [policy([serverOnly], [range("127.0.0.0/8")])],
    backends: [{ app: application.port }],
    tls: mesh.own,
    workers: 2,
    flags: ["--drain-delay=300ms", "--drain-deadline=10s"],
  });
}

test("HTTP/1.1, hundreds of requests over kept connections: none fails, and the process ends with 0", async () => {
  await using old = await replica();
  await using successor = await replica();
  await using service = await Switchboard.start(old.port());
  const url = `https://127.0.0.1:${service.port}`;
  const loads = [
    startLoad({ url: `${url}/quick`, connections: 10 }),
    startLoad({ url: `${url}/slow`, connections: 10 }),
    startLoad({ url: `${url}/upload`, connections: 5, method: "POST", body: "x".repeat(2_000) }),
  ];
  const served = (path: string): number => application.requests.filter(({ url: asked }) => asked === path).length;
  const everyLoadBy = (count: number) => (): boolean =>
    ["/quick", "/slow", "/upload"].every((path) => served(path) >= count);
  await until("every load is under way", everyLoadBy(100));
  service.target = successor.port();
  assert.equal(await old.stop(), 0);
  const byOld = application.requests.length;
  await until("the successor serves too", () => application.requests.length > byOld + 100);
  for (const { requests, errors, timeouts, non2xx } of await Promise.all(loads.map((load) => load.end()))) {
    assert.ok(requests.total >= 100, `${requests.total} requests`);
    assert.deepEqual([errors, timeouts, non2xx], [0, 0, 0]);
  }
  assert.ok(old.log.lines.some(({ message, cut }) => message === "drained" && cut === 0));
});

test("HTTP/2, many streams at once: none fails, each connection gets its GOAWAY", async () => {
  await using old = await replica();
  await using successor = await replica();
  await using service = await Switchboard.start(old.port());
  const tls = { ca: mesh.authority.certPem };
  const stop = new AbortController();
  let served = 0;
  const before = application.requests.length;
  let farewells = 0;
  const gateway = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const caller = await Http2Caller.connect(service.port, tls);
      const farewell = new AbortController();
      void caller.goaway.then((code) => {
        farewell.abort();
        if (!stop.signal.aborted) farewells += 1;
        assert.equal(code, 0);
      });
      const lane = async (index: number): Promise<void> => {
        while (!stop.signal.aborted && !farewell.signal.aborted) {
          const outcome = await caller
            .call({ ":path": index % 2 === 0 ? "/quick" : "/slow" })
            .catch((error: NodeJS.ErrnoException) => error);
          // Once the GOAWAY is in, the caller's own library takes no request: it was never sent (RFC 9113 section 8.7).
          if (outcome instanceof Error) assert.ok(caller.session.closed && /REFUSED_STREAM/.test(outcome.message));
          else {
            assert.equal(outcome.status, 200);
            served += 1;
          }
        }
      };
      await Promise.all(Array.from({ length: 10 }, (_, index) => lane(index)));
      if (stop.signal.aborted) caller.session.destroy();
      else if (!caller.session.destroyed) await once(caller.session, "close");
    }
  };
  const gateways = Promise.all([gateway(), gateway(), gateway()]);
  await until("streams are under way", () => served > 100);
  service.target = successor.port();
  assert.equal(await old.stop(), 0);
  const byOld = served;
  await until("the successor serves too", () => served > byOld + 100);
  stop.abort();
  await gateways;
  assert.ok(served > 200, `${served} served`);
  assert.equal(application.requests.length - before, served);
  assert.equal(farewells, 3);
});

test("what is in flight at the deadline is cut, and the exit code says so", async () => {
  await using hanging = await startApplication(() => undefined);
  await using sidecar = await startSidecar({
    manifests: [policy([serverOnly], [range("127.0.0.0/8")])],
    backends: [{ app: hanging.port }],
    tls: mesh.own,
    flags: ["--drain-delay=100ms", "--drain-deadline=500ms"],
  });
  const socket = await connect({ port: sidecar.port(), tls: { ca: mesh.authority.certPem } });
  const cut = assert.rejects(exchange(socket, { path: "/" }));
  await once(hanging.server, "request");
  const ready = await sidecar.admin("/readyz");
  assert.equal(ready.status, 200);
  const exit = sidecar.stop();
  await sidecar.log.next({ message: "draining" });
  assert.equal((await sidecar.admin("/readyz")).status, 503);
  assert.equal(await exit, 1);
  await cut;
});

test("idle connections and connections without a byte hold nothing up", async () => {
  await using sidecar = await replica();
  const idle = await connect({ port: sidecar.port(), tls: { ca: mesh.authority.certPem } });
  await exchange(idle, { path: "/quick" });
  const silent = await connect({ port: sidecar.port() });
  const startedAt = performance.now();
  assert.equal(await sidecar.stop(), 0);
  assert.ok(performance.now() - startedAt < 5_000);
  idle.destroy();
  silent.destroy();
});
