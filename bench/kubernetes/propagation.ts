/**
 * From a change at the API server to its enforcement in every data thread, at 10,000 endpoints in 100 slices, seen from
 * outside: one endpoint leaves, and the clock stops when the last of its live connections, spread over all threads, is
 * closed. `propagation.ts [--server stand-in|real] [--flips N]`; `real` runs in a network namespace of its own, because the
 * API server takes no loopback address for an endpoint, and wants the control plane that `npm run test:cluster` builds.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { RealCluster } from "../../test/cluster/real-cluster.ts";
import { letIn, sliceOf } from "../../test/discovery/kubernetes/suite/objects.ts";
import { writeKubeconfig } from "../../test/support/api-server/kubeconfig.ts";
import { StandInCluster, type TestCluster } from "../../test/support/api-server/test-cluster.ts";
import { startApplication } from "../../test/support/application.ts";
import { connect } from "../../test/support/caller.ts";
import { startSidecar, type TestSidecar } from "../../test/support/sidecar.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { cpuOf, machineStamp, residentOf, rounded } from "../load/measurement.ts";

const SLICES = 100;
const ENDPOINTS = 100;
const THREADS = 2;
/** Live connections of the endpoint that leaves. */
const CONNECTIONS = 8;
const WARM_UP = 20;

const { values } = parseArgs({
  options: { server: { type: "string", default: "stand-in" }, flips: { type: "string", default: "300" } },
});
if (values.server !== "stand-in" && values.server !== "real")
  throw new Error(`--server is '${values.server}'; expected stand-in or real`);
const real = values.server === "real";
const flips = Number(values.flips);
if (!(flips >= 1 && flips <= 100_000)) throw new Error(`--flips is '${values.flips}'; expected 1 to 100000`);

/** What leaves and comes back; in a slice with 99 others that stay. */
const VISITOR = real ? "10.99.5.1" : "127.0.5.1";

const addressesOf = (slice: number): readonly string[] =>
  Array.from({ length: slice === 0 ? ENDPOINTS - 1 : ENDPOINTS }, (_, index) => `10.100.${slice}.${index + 1}`);

const flipped = (present: boolean) =>
  sliceOf("gateways/edge", "edge-0", present ? [...addressesOf(0), VISITOR] : addressesOf(0));

interface Flip {
  /** From the moment that the write was sent. */
  readonly sinceSentMs: number;
  /** From the moment that the server had answered it; negative when Postern was faster. */
  readonly sinceAnsweredMs: number;
}

async function received(sidecar: TestSidecar): Promise<number> {
  const text = await (await sidecar.admin("/metrics")).text();
  return Number(/^postern_discovery_received_bytes_total (\d+)$/m.exec(text)?.[1]);
}

/** Lets the visitor in, and waits until every thread does. */
async function admit(sidecar: TestSidecar, cluster: TestCluster): Promise<void> {
  await cluster.api.replace(flipped(true));
  for (;;) {
    const { verdict } = await sidecar.adminJson<{ readonly verdict: string }>(`/explain?port=80&from=${VISITOR}`);
    const text = await (await sidecar.admin("/metrics")).text();
    const [version, applied] = ["", "_applied"].map(
      (part) => new RegExp(`^postern_snapshot${part}_version (\\d+)$`, "m").exec(text)?.[1],
    );
    if (verdict === "forward" && version === applied) return;
    await delay(5);
  }
}

/** Until each thread has at least one of them: the kernel spreads connections by chance. */
async function connectAll(sidecar: TestSidecar): Promise<readonly Socket[]> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const sockets = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => connect({ port: sidecar.port(), from: VISITOR })),
    );
    for (const socket of sockets) {
      socket.on("error", () => undefined);
      socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    }
    await Promise.all(sockets.map((socket) => once(socket, "data")));
    const { connections } = await sidecar.adminJson<{ readonly connections: readonly { readonly thread: number }[] }>(
      "/connections",
    );
    if (new Set(connections.map(({ thread }) => thread)).size === THREADS) return sockets;
    for (const socket of sockets) socket.destroy();
  }
  throw new Error("the connections do not spread over the threads");
}

/** An idle connection is ended, one with a request in flight is reset: either is the end. */
function ending(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => {
    for (const event of ["end", "close"]) socket.once(event, () => resolve());
  });
}

async function flip(sidecar: TestSidecar, cluster: TestCluster): Promise<Flip> {
  await admit(sidecar, cluster);
  const sockets = await connectAll(sidecar);
  const closed = Promise.all(sockets.map(ending)).then(() => performance.now());
  // Read beforehand, so that one write is what is timed.
  const object = flipped(false);
  const { metadata } = await cluster.api.read(object);
  const next = { ...object, metadata: { ...object.metadata, resourceVersion: metadata.resourceVersion } };
  const path = "/apis/discovery.k8s.io/v1/namespaces/gateways/endpointslices/edge-0";
  const sent = performance.now();
  const answered = cluster.api.ask("PUT", path, next).then(() => performance.now());
  const [enforcedAt, answeredAt] = await Promise.all([closed, answered]);
  for (const socket of sockets) socket.destroy();
  return { sinceSentMs: enforcedAt - sent, sinceAnsweredMs: enforcedAt - answeredAt };
}

function percentiles(samples: readonly number[]): Readonly<Record<"p50" | "p99" | "max", number>> {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN, 2);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function measure(cluster: TestCluster): Promise<void> {
  await using application = await startApplication();
  using directory = temporaryDirectory();
  await cluster.api.apply(letIn("gateways/edge"), sliceOf("gateways/edge", "edge-0", ["10.100.0.1"]));
  await using sidecar = await startSidecar({
    manifests: undefined,
    backends: [{ app: application.port }],
    workers: THREADS,
    flags: [
      "--kubernetes",
      `--kubeconfig=${writeKubeconfig(join(directory.path, "kubeconfig"), cluster.credentials())}`,
      "--access-log=false",
      "--drain-delay=0",
    ],
  });
  const pid = sidecar.child.pid!;
  const idleMiB = residentOf(pid) / 1024;
  console.error(`${SLICES} slices with ${ENDPOINTS} endpoints each`);
  for (let slice = 0; slice < SLICES; slice += 1)
    await cluster.api.apply(sliceOf("gateways/edge", `edge-${slice}`, addressesOf(slice)));
  for (let count = 1; count <= WARM_UP; count += 1) await flip(sidecar, cluster);
  const fullMiB = residentOf(pid) / 1024;
  const before = { cpuUs: cpuOf(pid), bytes: await received(sidecar) };
  const samples: Flip[] = [];
  for (let count = 1; count <= flips; count += 1) {
    samples.push(await flip(sidecar, cluster));
    if (count % 100 === 0) console.error(`${count} of ${flips} flips, RSS ${rounded(residentOf(pid) / 1024)} MiB`);
  }
  // Each flip is two changes: out, and in again.
  const changes = flips * 2;
  const report = {
    bench: "propagation",
    server: values.server,
    endpoints: SLICES * ENDPOINTS,
    flips,
    sinceSentMs: percentiles(samples.map(({ sinceSentMs }) => sinceSentMs)),
    sinceAnsweredMs: percentiles(samples.map(({ sinceAnsweredMs }) => sinceAnsweredMs)),
    bytesPerChange: Math.round(((await received(sidecar)) - before.bytes) / changes),
    // With the connections that show it: eight for two changes.
    cpuMsPerChange: rounded((cpuOf(pid) - before.cpuUs) / 1_000 / changes, 2),
    residentMiB: {
      oneEndpoint: rounded(idleMiB),
      allEndpoints: rounded(fullMiB),
      after: rounded(residentOf(pid) / 1024),
    },
  };
  console.log(
    `one endpoint of ${report.endpoints} leaves, last of ${CONNECTIONS} connections in ${THREADS} threads closed (${report.server})`,
  );
  console.table({ "ms since it was sent": report.sinceSentMs, "ms since it was answered": report.sinceAnsweredMs });
  console.log(JSON.stringify({ ...report, machine: machineStamp() }));
}

function inNamespace(): number {
  const prepare = 'ip link set lo up && ip addr add 10.99.0.1/16 dev lo && exec "$@"';
  const self = [process.execPath, import.meta.filename, ...process.argv.slice(2)];
  const env = { ...process.env, BENCH_NAMESPACE: "1" };
  const unshare = process.getuid?.() === 0 ? "-n" : "-rn";
  return spawnSync("unshare", [unshare, "sh", "-c", prepare, "sh", ...self], { stdio: "inherit", env }).status ?? 1;
}

if (real && process.env["BENCH_NAMESPACE"] === undefined) process.exit(inNamespace());
if (real) {
  const cluster = await RealCluster.start();
  try {
    await measure(await cluster.borrow());
  } finally {
    await cluster.end();
  }
} else {
  await using cluster = await StandInCluster.start();
  await measure(cluster);
}
