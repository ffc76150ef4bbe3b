/** What hundreds of sidecars cost one API server: connections, requests in quiet, and how they come back after a restart. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DEFAULT_TIMING } from "../../src/api-server/timing.ts";
import type { TestCluster } from "../../test/support/api-server/test-cluster.ts";
import { numberAboveZero, oneOf, readArguments, wholeNumber } from "../../test/support/command-line.ts";
import { backend, policy, service } from "../../test/support/mesh/objects.ts";
import { resultName, writeResult } from "../load/report/results.ts";
import { cpuOf, residentOf } from "../machine/processor-time.ts";
import { machineStamp, rounded } from "../machine/stamp.ts";
import { CountingRelay } from "./counting-relay.ts";
import { FleetGateways } from "./fleet-gateways.ts";
import type { FleetOrder, FleetReport } from "./fleet-sidecars.ts";
import { runInNamespace, SERVER_KINDS, startServer } from "./server.ts";

const HELP = `Measures what hundreds of sidecars cost one API server.

The Kubernetes sources of many sidecars, the real ones, run in one process of their own. They start, settle, are left in quiet,
see one endpoint of the gateways come or go in each second, lose the server for some seconds and find it again.

Usage:
  npm run bench -- fleet [flags]

Flags:
  --server KIND        stand-in (the tests' own, in this process) or real (kube-apiserver as 'npm run test:cluster' builds it, in
                       a network namespace); default stand-in
  --sidecars N         default 500
  --replicas N         sidecars that share an application; default 10
  --endpoints N        of the gateways; default 1000
  --sources N          Services that the endpoints are divided among, of which each application lets one in; default 1
  --settle-minutes N   before the quiet is measured; the default, 5.5, outlasts the looks for an API that is not installed
  --quiet-minutes N    default 3
  --change-seconds N   how long endpoints come and go; default 60
  --help               show this text
`;

const STEP_MS = 250;
const DOWN_MS = 5_000;
const LONGEST_MINUTES = 24 * 60;
const LONGEST_MS = 600_000;
/** For thousands of sidecars in one process. */
const HEAP_MIB = 12_288;
/** What the figures are extrapolated to. */
const CLUSTER = 10_000;

const options = readArguments(HELP, (args) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: "string", default: "stand-in" },
      sidecars: { type: "string", default: "500" },
      replicas: { type: "string", default: "10" },
      endpoints: { type: "string", default: "1000" },
      sources: { type: "string", default: "1" },
      "settle-minutes": { type: "string", default: "5.5" },
      "quiet-minutes": { type: "string", default: "3" },
      "change-seconds": { type: "string", default: "60" },
    },
  });
  return {
    kind: oneOf("--server", values.server, SERVER_KINDS),
    sidecars: wholeNumber("--sidecars", values.sidecars, 1, CLUSTER),
    replicas: wholeNumber("--replicas", values.replicas, 1, CLUSTER),
    endpoints: wholeNumber("--endpoints", values.endpoints, 1, 10_000),
    sources: wholeNumber("--sources", values.sources, 1, 100),
    settleMinutes: numberAboveZero("--settle-minutes", values["settle-minutes"], LONGEST_MINUTES),
    quietMinutes: numberAboveZero("--quiet-minutes", values["quiet-minutes"], LONGEST_MINUTES),
    changeSeconds: wholeNumber("--change-seconds", values["change-seconds"], 1, 3_600),
  };
});
const { kind, sidecars, replicas, settleMinutes, quietMinutes, changeSeconds, sources } = options;
const gateways = new FleetGateways(options.endpoints, sources);

/** What came in a quarter of a second. */
interface Step {
  readonly connections: number;
  readonly requests: number;
}

interface Phase {
  readonly seconds: number;
  readonly connections: number;
  readonly requests: number;
  readonly mostConnectionsPerSecond: number;
  readonly mostRequestsPerSecond: number;
}

function phaseOf(steps: readonly Step[]): Phase {
  const most = (pick: (step: Step) => number): number => (Math.max(...steps.map(pick)) * 1_000) / STEP_MS;
  const all = (pick: (step: Step) => number): number => steps.reduce((sum, step) => sum + pick(step), 0);
  return {
    seconds: rounded((steps.length * STEP_MS) / 1_000, 2),
    connections: all((step) => step.connections),
    requests: all((step) => step.requests),
    mostConnectionsPerSecond: most((step) => step.connections),
    mostRequestsPerSecond: most((step) => step.requests),
  };
}

async function furnish({ api }: TestCluster): Promise<void> {
  await gateways.furnish(api);
  for (let index = 0; index < Math.ceil(sidecars / replicas); index += 1) {
    const name = `app-${index}`;
    await api.apply({
      ...policy([backend(name, 80, "http")], [service(FleetGateways.pathOf(index % sources))], `test/${name}`),
    });
  }
}

const elsewhere = runInNamespace(kind, import.meta.filename, process.argv.slice(2));
if (elsewhere !== undefined) process.exit(elsewhere);

await using server = await startServer(kind);
const { link } = server.cluster;
await furnish(server.cluster);
await using relay = await CountingRelay.open(link.port);
const fleet = fork(join(import.meta.dirname, "fleet-sidecars.ts"), {
  stdio: ["ignore", "inherit", "inherit", "ipc"],
  execArgv: [`--max-old-space-size=${HEAP_MIB}`],
});
let now: FleetReport = {
  inForce: 0,
  troubled: 0,
  watches: 0,
  openConnections: 0,
  connections: 0,
  requests: 0,
  events: 0,
};
fleet.on("message", (report: FleetReport) => (now = report));

/** Counts in steps until `done`. */
async function steps(done: () => boolean): Promise<readonly Step[]> {
  const taken: Step[] = [];
  const deadline = performance.now() + LONGEST_MS;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`not within ${LONGEST_MS / 1_000} s: ${JSON.stringify(now)}`);
    const before = { connections: link.accepted, requests: now.requests };
    await delay(STEP_MS);
    taken.push({ connections: link.accepted - before.connections, requests: now.requests - before.requests });
  }
  return taken;
}

const percentOfCore = (us: number, ms: number): number => rounded(us / ms / 10, 2);

try {
  console.error(`${sidecars} sidecars start, ${replicas} replicas of each application`);
  const { token, ca } = server.cluster.credentials();
  fleet.send({ port: relay.port, token, ca, sidecars, replicas } satisfies FleetOrder);
  const start = phaseOf(await steps(() => now.inForce === sidecars && now.troubled === 0));

  console.error(`settling for ${settleMinutes} minutes`);
  await delay(settleMinutes * 60_000);
  console.error(`quiet for ${quietMinutes} minutes`);
  const quietMs = quietMinutes * 60_000;
  const before = { ...now, accepted: link.accepted, fleetUs: cpuOf(fleet.pid!), serverUs: server.cpuUs() };
  await delay(quietMs);
  const perMinute = (now.requests - before.requests) / quietMinutes;
  const { watches } = now;
  const quiet = {
    connections: now.openConnections,
    newConnections: link.accepted - before.accepted,
    watches,
    requestsPerMinuteAndSidecar: rounded(perMinute / sidecars, 2),
    fleetCpuPercent: percentOfCore(cpuOf(fleet.pid!) - before.fleetUs, quietMs),
    serverCpuPercent: percentOfCore(server.cpuUs() - before.serverUs, quietMs),
    residentKiBPerSidecar: rounded(residentOf(fleet.pid!) / sidecars, 0),
  };

  console.error(`one endpoint comes or goes in each second, for ${changeSeconds} s`);
  const idleUsPerS = { fleet: quiet.fleetCpuPercent * 10_000, server: quiet.serverCpuPercent * 10_000 };
  const still = { down: relay.downBytes, fleetUs: cpuOf(fleet.pid!), serverUs: server.cpuUs(), events: now.events };
  await gateways.change(server.cluster.api, changeSeconds);
  const events = now.events - still.events;
  const changing = {
    eventsPerSecond: rounded(events / changeSeconds),
    bytesPerEvent: rounded((relay.downBytes - still.down) / events, 0),
    mibPerSecond: rounded((relay.downBytes - still.down) / changeSeconds / 2 ** 20, 2),
    serverCpuPercent: percentOfCore(server.cpuUs() - still.serverUs, changeSeconds * 1_000),
    serverUsPerEvent: rounded((server.cpuUs() - still.serverUs - idleUsPerS.server * changeSeconds) / events, 0),
    sidecarUsPerEvent: rounded((cpuOf(fleet.pid!) - still.fleetUs - idleUsPerS.fleet * changeSeconds) / events, 0),
  };

  console.error(`the server goes away for ${DOWN_MS / 1_000} s at least, and comes back`);
  await link.remove();
  // Until the fleet has said so: what it said before is that all is well.
  await Promise.all([delay(DOWN_MS), server.restart(), steps(() => now.troubled > 0)]);
  await link.restore();
  const serverUs = server.cpuUs();
  const backSteps = await steps(() => now.troubled === 0);
  const back = { ...phaseOf(backSteps), serverCpuMs: rounded((server.cpuUs() - serverUs) / 1_000, 0) };

  const scale = CLUSTER / sidecars;
  const meanWatchMinutes = (DEFAULT_TIMING.watchSecondsMin + DEFAULT_TIMING.watchSecondsMax) / 2 / 60;
  const ofWatches = rounded(watches / sidecars / meanWatchMinutes, 2);
  console.table({ start, "after the restart": back });
  console.log(`connections in each quarter of a second: ${backSteps.map(({ connections }) => connections).join(" ")}`);
  console.log("quiet:", quiet);
  console.log(`expected of the watches alone: ${ofWatches} requests a minute and sidecar`);
  console.log(
    `${CLUSTER} sidecars, if all of it grows in proportion: ${CLUSTER} connections, ${watches * scale} watches, ${rounded((perMinute * scale) / 60)} requests a second in quiet; after a restart ${back.mostConnectionsPerSecond * scale} connections a second at most`,
  );
  console.log("one change a second:", changing);
  console.log(
    `${CLUSTER} sidecars, one change a second: ${rounded(changing.eventsPerSecond * scale, 0)} events and ${rounded(changing.mibPerSecond * scale)} MiB a second from the server, ${rounded((changing.serverUsPerEvent * changing.eventsPerSecond * scale) / 1e6, 2)} of its cores`,
  );
  const machine = machineStamp();
  const figures = { kind, sidecars, replicas, endpoints: options.endpoints, sources, start, quiet, changing, back };
  console.log(`written to ${writeResult(resultName("fleet", machine), { bench: "fleet", machine, ...figures })}`);
} finally {
  const exit = once(fleet, "exit");
  fleet.kill("SIGKILL");
  await exit;
}
