/** Threads that do not have in force what was published: known, named, and replaced. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import type { Socket } from "node:net";
import { DEFAULT_LIMITS } from "../../../src/config/config.ts";
import { compile } from "../../../src/policy/compile/compile.ts";
import { startDataPlane, type DataPlane, type ThreadLagging } from "../../../src/proxy/control/data-plane.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { readCredentials } from "../../../src/tls/credentials/read-credentials.ts";
import { startApplication, type TestApplication } from "../../support/application/application.ts";
import { call, connect, exchange, tryCall, type CallerTls } from "../../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../../support/mesh/mesh.ts";
import { freePorts } from "../../support/process/ports.ts";
import { writeCredentials } from "../../support/process/sidecar.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";
import { NOT_APPLIED_BY_ANY, NOT_APPLIED_BY_THREAD_0 } from "../../support/thread/faults.ts";
import { UNHEARD } from "../../support/thread/traffic.ts";
import { backendPort } from "../../../src/policy/model.ts";

const THREADS = 2;
let application: TestApplication;
let former: TestMesh;
let current: TestMesh;
let plane: DataPlane;
let port: number;
let lagging: ThreadLagging[];

before(async () => {
  application = await startApplication((request, response) => response.end(request.url));
  [former, current] = [await TestMesh.create("CN=former"), await TestMesh.create("CN=current")];
});

after(() => application?.[Symbol.asyncDispose]());

beforeEach(async () => {
  [port = 0] = await freePorts(1);
  lagging = [];
  plane = await startDataPlane(
    {
      backends: [
        {
          port: backendPort(80),
          listen: { host: "127.0.0.1", port },
          app: { host: "127.0.0.1", port: application.port },
        },
      ],
      limits: DEFAULT_LIMITS,
      workers: THREADS,
      clientCertHeader: "strip",
      accessLog: false,
      logLevel: "info",
      snapshot: snapshotOf(1, GATEWAY_NAME),
      credentials: await credentialsOf(former, 1),
      threadEntry: new URL("../../support/thread/failing-thread.ts", import.meta.url),
    },
    {
      ...UNHEARD,
      onThreadLost: ({ cause }) => assert.fail(cause),
      onThreadLagging: (one) => lagging.push(one),
      onThreadStuck: () => assert.fail("a thread cannot be ended"),
    },
  );
});

afterEach(() => plane.close());

function snapshotOf(version: number, principal: string) {
  const policy = {
    name: "ib",
    namespace: "test",
    backends: [{ name: "foo", port: { number: 80, protocol: "https" } }],
    sources: [{ kind: "AuthenticatedPrincipal", name: principal }],
    hasMatches: false,
  };
  const nothing = { invalidPolicies: [], services: new Map(), endpoints: new Map(), namespaces: new Map() };
  return compile({ policies: [policy], ...nothing }, { namespace: "test", services: ["foo"] }, version);
}

async function credentialsOf(mesh: TestMesh, generation: number): Promise<Credentials> {
  using directory = temporaryDirectory();
  writeCredentials(directory.path, mesh.own);
  const [cert = "", key = "", ca = ""] = ["tls.crt", "tls.key", "ca.crt"].map((name) => join(directory.path, name));
  return await readCredentials({ cert, key, ca }, generation);
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) assert.fail(`${what}: not within 20 s; ${JSON.stringify(plane.threads())}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Open connections, at least one on thread 0. */
async function openOnThread0(tls: CallerTls): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  await until("thread 0 has a connection", async () => {
    const socket = await connect({ port, tls });
    socket.on("error", () => undefined);
    await exchange(socket, { path: "/" });
    sockets.push(socket);
    return (await plane.connections()).told.some(({ thread }) => thread === 0);
  });
  return sockets;
}

const isKeptUp = (): boolean => plane.threads().every(({ listening, lag }) => listening && lag === undefined);

test("a thread that cannot apply credentials is replaced, and a CA that was removed is trusted by none", async () => {
  const [trusted, removed] = [await current.caller(), await former.caller()];
  const sockets = await openOnThread0(removed);
  const closed = sockets.map((socket) => once(socket, "close"));
  for (const socket of sockets) socket.resume();
  plane.setCredentials(await credentialsOf(current, NOT_APPLIED_BY_THREAD_0));
  await until("it is told", () => lagging.length > 0);
  const [{ thread, lag, restartInMs } = assert.fail()] = lagging;
  assert.deepEqual([thread, lag.what, lag.version], [0, "credentials", NOT_APPLIED_BY_THREAD_0]);
  assert.match(lag.problem ?? "", /refused by the test/);
  assert.ok(restartInMs !== undefined && Date.now() - lag.since < 20_000);
  await Promise.all(closed);
  await until("its successor keeps up", isKeptUp);
  assert.deepEqual(
    plane.threads().map(({ restarts, appliedGeneration }) => [restarts, appliedGeneration]),
    [
      [1, NOT_APPLIED_BY_THREAD_0],
      [0, NOT_APPLIED_BY_THREAD_0],
    ],
  );
  for (let attempt = 0; attempt < 8; attempt += 1) {
    assert.ok("error" in (await tryCall({ port, tls: { pair: removed.pair } })));
    assert.equal((await call({ port, tls: trusted })).status, 200);
  }
  assert.equal(lagging.length, 1, "it was told once");
});

test("credentials that no thread can apply leave every thread without TLS, named, and not replaced again and again", async () => {
  const caller = await former.caller();
  plane.setCredentials(await credentialsOf(former, NOT_APPLIED_BY_ANY));
  await until(
    "the successors are told of too",
    () => lagging.filter((one) => one.restartInMs === undefined).length === 2,
  );
  assert.equal(lagging.length, 2 * THREADS);
  await until("they listen", () => plane.threads().every(({ listening }) => listening));
  for (const { lag, restarts, appliedGeneration } of plane.threads()) {
    assert.deepEqual([lag?.version, restarts, appliedGeneration], [NOT_APPLIED_BY_ANY, 1, undefined]);
    assert.ok("error" in (await tryCall({ port, tls: caller })), "nobody is let in");
  }
  plane.setCredentials(await credentialsOf(former, NOT_APPLIED_BY_ANY + 1));
  await until("the next ones are applied", isKeptUp);
  assert.equal((await call({ port, tls: caller })).status, 200);
});

test("a thread that answers and does not apply a snapshot is replaced, and counts as lagging until it is gone", async () => {
  const caller = await former.caller();
  const sockets = await openOnThread0(caller);
  plane.publish(snapshotOf(NOT_APPLIED_BY_THREAD_0, "somebody.else"));
  assert.equal(plane.appliedVersion(), 1);
  await until("it is told", () => lagging.length > 0);
  const [{ thread, lag } = assert.fail()] = lagging;
  assert.deepEqual([thread, lag.what, lag.version, lag.problem], [0, "snapshot", NOT_APPLIED_BY_THREAD_0, undefined]);
  assert.equal(plane.threads()[0]?.lag?.what, "snapshot");
  await until("its successor keeps up", isKeptUp);
  assert.equal(plane.appliedVersion(), NOT_APPLIED_BY_THREAD_0);
  assert.deepEqual(await plane.connections(), { told: [], silent: [] });
  for (const socket of sockets) socket.destroy();
  const { requests } = (await plane.counters()).told;
  const counted = Object.values(requests).reduce((sum, count) => sum + count, 0);
  assert.ok(counted >= sockets.length, "the counters of the thread that was replaced are not lost");
  assert.equal(lagging.length, 1);
});
