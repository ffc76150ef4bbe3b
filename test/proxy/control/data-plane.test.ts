import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { BroadcastChannel } from "node:worker_threads";
import { DEFAULT_LIMITS } from "../../../src/config/config.ts";
import { compile } from "../../../src/policy/compile/compile.ts";
import { ListenError } from "../../../src/proxy/control/listen-check.ts";
import { startDataPlane, type DataPlane, type ThreadLost } from "../../../src/proxy/control/data-plane.ts";
import { startApplication, startTcpApplication, type TestApplication } from "../../support/application/application.ts";
import { call, connect, exchange } from "../../support/caller/caller.ts";
import { FAULTS, type Fault } from "../../support/thread/faults.ts";
import { linesIn, UNHEARD } from "../../support/thread/traffic.ts";
import type { LogLine } from "../../support/process/log-lines.ts";
import { freePorts } from "../../support/process/ports.ts";
import { backendPort } from "../../../src/policy/model.ts";

const THREADS = 2;
const faults = new BroadcastChannel(FAULTS);
const lost: ThreadLost[] = [];
const stuck: number[] = [];
const lines: LogLine[] = [];
let application: TestApplication;
let plane: DataPlane;
let port: number;

function snapshotFor(version: number, range: string) {
  const policy = {
    name: "ib",
    namespace: "test",
    backends: [{ name: "foo", port: { number: 80, protocol: "http" as const } }],
    sources: [{ kind: "IPRange" as const, name: range }],
    hasMatches: false,
  };
  const world = {
    policies: [policy],
    invalidPolicies: [],
    services: new Map(),
    endpoints: new Map(),
    namespaces: new Map(),
  };
  return compile(world, { namespace: "test", services: ["foo"] }, version);
}

function options(listenPort: number, appPort: number) {
  return {
    backends: [
      {
        port: backendPort(80),
        listen: { host: "127.0.0.1", port: listenPort },
        app: { host: "127.0.0.1", port: appPort },
      },
    ],
    limits: DEFAULT_LIMITS,
    workers: THREADS,
    clientCertHeader: "strip" as const,
    accessLog: true,
    logLevel: "info" as const,
    snapshot: snapshotFor(1, "127.0.0.0/8"),
    credentials: undefined,
    threadEntry: new URL("../../support/thread/failing-thread.ts", import.meta.url),
    maxHeapMb: 64,
  };
}

before(async () => {
  application = await startApplication((request, response) => response.end(request.url));
  [port = 0] = await freePorts(1);
  plane = await startDataPlane(options(port, application.port), {
    ...UNHEARD,
    onLines: (batch, taken) => {
      lines.push(...linesIn(batch));
      taken();
    },
    onThreadLost: (thread) => lost.push(thread),
    onThreadLagging: ({ thread }) => assert.fail(`thread ${thread} lags`),
    onThreadStuck: (thread) => stuck.push(thread),
  });
});

after(async () => {
  faults.close();
  await plane?.close();
  await application?.[Symbol.asyncDispose]();
});

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`not within 10 s: ${what}`);
}

/** One request. A thread that does not end keeps its share of the connections, and answers none. */
function ask(socket: Socket, path: string): Promise<{ readonly body: string }> {
  const silent = delay(10_000, undefined, { ref: false }).then(() => {
    throw new Error(`no answer to ${path} within 10 s; threads that do not end: [${stuck.join(", ")}]`);
  });
  return Promise.race([exchange(socket, { path }), silent]);
}

/** Connections that were opened until each thread has some: the kernel spreads them. */
async function openOnEachThread(): Promise<ReadonlyMap<number, readonly Socket[]>> {
  const byPort = new Map<number, Socket>();
  for (let round = 0; round < 20; round += 1) {
    for (const socket of await Promise.all(Array.from({ length: 4 }, () => connect({ port })))) {
      await ask(socket, "/");
      socket.on("error", () => undefined);
      byPort.set(socket.localPort ?? 0, socket);
    }
    const { told } = await plane.connections();
    const threads = new Set(told.map(({ thread }) => thread));
    if (threads.size === THREADS) break;
  }
  // Requests name their thread; the order of connections within it does not matter.
  const grouped = new Map<number, Socket[]>(Array.from({ length: THREADS }, (_, thread) => [thread, []]));
  for (const socket of byPort.values()) {
    const path = `/which-${socket.localPort}`;
    await ask(socket, path);
    await until(() => lines.some((line) => line["path"] === path), path);
    const line = lines.find((candidate) => candidate["path"] === path);
    grouped.get(Number(line?.["thread"]))?.push(socket);
  }
  return grouped;
}

for (const kind of ["throw", "reject", "heap", "hang"] as const) {
  test(`a thread that ends by ${kind} is replaced, and connections on the other one go on`, async () => {
    const sockets = await openOnEachThread();
    const [doomed, safe] = [sockets.get(0)!, sockets.get(1)!];
    assert.ok(doomed.length > 0 && safe.length > 0);
    const before = lost.length;
    const restarts = plane.threads()[0]!.restarts;
    faults.postMessage({ thread: 0, kind } satisfies Fault);
    await until(() => lost.length > before, "the loss is reported");
    assert.equal(lost.at(-1)?.thread, 0);
    assert.notEqual(lost.at(-1)?.cause.message, "");
    for (const socket of safe) assert.equal((await ask(socket, "/still")).body, "/still");
    await until(() => doomed.every((socket) => socket.destroyed || socket.readableEnded || socket.closed), "closed");
    await until(() => plane.threads().every(({ listening }) => listening), "the successor listens");
    assert.equal(plane.threads()[0]!.restarts, restarts + 1);
    // The successor serves too, by the policy of now.
    const again = await openOnEachThread();
    assert.ok(again.get(0)!.length > 0);
    for (const socket of [...safe, ...again.values()].flat()) socket.destroy();
  });
}

test("what is published reaches every thread, and a thread that is started later", async () => {
  plane.publish(snapshotFor(2, "10.0.0.0/8"));
  await until(() => plane.appliedVersion() === 2, "applied");
  await assert.rejects(call({ port }));
  const before = lost.length;
  faults.postMessage({ thread: 1, kind: "throw" } satisfies Fault);
  await until(() => lost.length > before, "the loss is reported");
  await until(() => plane.threads().every(({ listening }) => listening), "the successor listens");
  for (let attempt = 0; attempt < 8; attempt += 1) await assert.rejects(call({ port }));
  plane.publish(snapshotFor(3, "127.0.0.0/8"));
  await until(() => plane.appliedVersion() === 3, "applied");
  assert.equal((await call({ port })).status, 200);
});

test("all of them came to their end, by whatever they died", async () => {
  // As long as a dead thread may take.
  await delay(5_500);
  assert.deepEqual(stuck, []);
});

test("counters of threads that died are not lost", async () => {
  const { told: counters } = await plane.counters();
  const requests = Object.values(counters.requests).reduce((sum, count) => sum + count, 0);
  assert.ok(requests > 10, JSON.stringify(counters.requests));
});

test("a port that is taken fails the start, and nothing is left running", async () => {
  await using holder = await startTcpApplication((socket) => socket.destroy());
  const [free = 0] = await freePorts(1);
  const { backends, ...rest } = options(free, application.port);
  const taken = { ...backends[0]!, port: backendPort(81), listen: { host: "127.0.0.1", port: holder.port } };
  const silent = {
    ...UNHEARD,
    onThreadLost: () => undefined,
    onThreadLagging: () => undefined,
    onThreadStuck: () => undefined,
  };
  await assert.rejects(startDataPlane({ ...rest, backends: [...backends, taken] }, silent), (error: Error) => {
    assert.ok(error instanceof ListenError);
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${holder.port}`));
    return true;
  });
  const socket = await connect({ port: free }).catch((error: NodeJS.ErrnoException) => error.code);
  assert.equal(socket, "ECONNREFUSED");
});

test("a drain finishes what is in flight, and counts what it had to cut", async () => {
  const [drainPort = 0] = await freePorts(1);
  let finish: (() => void) | undefined;
  await using slow = await startApplication((request, response) => {
    if (request.url === "/slow") finish = () => response.end("finished");
  });
  const draining = await startDataPlane(options(drainPort, slow.port), {
    ...UNHEARD,
    onThreadLost: () => undefined,
    onThreadLagging: () => undefined,
    onThreadStuck: () => undefined,
  });
  const idle = await connect({ port: drainPort });
  idle.on("error", () => undefined);
  const busy = call({ port: drainPort, path: "/slow" });
  await until(() => finish !== undefined, "the request is there");
  const stuck = await connect({ port: drainPort });
  stuck.on("error", () => undefined).write("GET /never HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => slow.requests.length === 2, "the second request is there");
  const cut = new Promise((resolve) => stuck.once("close", resolve));
  const drained = draining.drain({ deadlineMs: 1_000 });
  finish?.();
  assert.equal((await busy).body, "finished");
  await cut;
  assert.deepEqual(await drained, { cut: 1 });
  await draining.close();
  idle.destroy();
});
