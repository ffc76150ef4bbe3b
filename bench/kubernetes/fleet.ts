/**
 * What hundreds of sidecars cost one API server: connections, requests in quiet, and how they come back after it was
 * restarted. `fleet.ts [--sidecars N] [--replicas N] [--quiet-minutes N]`; the sources are the real ones in a process of their
 * own, the server is the tests' stand-in.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { sliceOf } from "../../test/discovery/kubernetes/suite/objects.ts";
import { StandInCluster } from "../../test/support/api-server/test-cluster.ts";
import { backend, policy, service } from "../../test/support/objects.ts";
import { DEFAULT_TIMING } from "../../src/discovery/kubernetes/timing.ts";
import { cpuOf, machineStamp, residentOf, rounded } from "../load/measurement.ts";
import type { FleetOrder, FleetReport } from "./fleet-sidecars.ts";

const STEP_MS = 250;
const DOWN_MS = 5_000;
/** An API that need not be installed is looked for ever more rarely, after this about every five minutes. */
const SETTLE_MS = 330_000;
const LONGEST_MS = 180_000;
/** What the figures are extrapolated to. */
const CLUSTER = 10_000;

const { values } = parseArgs({
  options: {
    sidecars: { type: "string", default: "500" },
    replicas: { type: "string", default: "10" },
    "quiet-minutes": { type: "string", default: "3" },
  },
});

function number(name: keyof typeof values): number {
  const value = Number(values[name]);
  if (!(value > 0)) throw new Error(`--${name} is '${values[name]}'; expected a number above 0`);
  return value;
}

const sidecars = number("sidecars");
const replicas = number("replicas");
const quietMinutes = number("quiet-minutes");

interface Step {
  readonly connections: number;
  readonly requests: number;
}

/** Counts in steps of a quarter of a second, until `done`. */
async function steps(cluster: StandInCluster, done: () => boolean): Promise<readonly Step[]> {
  const taken: Step[] = [];
  const deadline = performance.now() + LONGEST_MS;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`not within ${LONGEST_MS / 1_000} s`);
    const before = { connections: cluster.link.accepted, requests: cluster.server.calls.length };
    await delay(STEP_MS);
    taken.push({
      connections: cluster.link.accepted - before.connections,
      requests: cluster.server.calls.length - before.requests,
    });
  }
  return taken;
}

function summary(taken: readonly Step[]): object {
  const perSecond = (pick: (step: Step) => number): number => (Math.max(...taken.map(pick)) * 1_000) / STEP_MS;
  return {
    seconds: rounded((taken.length * STEP_MS) / 1_000, 2),
    connections: taken.reduce((sum, step) => sum + step.connections, 0),
    requests: taken.reduce((sum, step) => sum + step.requests, 0),
    mostConnectionsPerSecond: perSecond(({ connections }) => connections),
    mostRequestsPerSecond: perSecond(({ requests }) => requests),
  };
}

async function furnish(cluster: StandInCluster): Promise<void> {
  await cluster.api.apply(sliceOf("gateways/edge", "edge-1", ["10.99.0.10", "10.99.0.11"]));
  for (let index = 0; index < Math.ceil(sidecars / replicas); index += 1) {
    const name = `app-${index}`;
    await cluster.api.apply({ ...policy([backend(name, 80, "http")], [service("gateways/edge")], `test/${name}`) });
  }
}

await using cluster = await StandInCluster.start();
await furnish(cluster);
const { token, ca } = cluster.credentials();
const fleet = fork(join(import.meta.dirname, "fleet-sidecars.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
let synced = 0;
fleet.on("message", (report: FleetReport) => (synced = report.synced));
try {
  console.error(`${sidecars} sidecars start, ${replicas} replicas of each application`);
  fleet.send({ port: cluster.link.port, token, ca, sidecars, replicas } satisfies FleetOrder);
  const start = await steps(cluster, () => synced === sidecars);
  console.error("settling");
  await delay(SETTLE_MS);
  const watches = cluster.server.watches.length;

  console.error(`quiet for ${quietMinutes} minutes`);
  const before = { requests: cluster.server.calls.length, accepted: cluster.link.accepted, cpuUs: cpuOf(fleet.pid!) };
  await delay(quietMinutes * 60_000);
  const requests = (cluster.server.calls.length - before.requests) / quietMinutes;
  const quiet = {
    connections: cluster.link.connections,
    newConnections: cluster.link.accepted - before.accepted,
    watches,
    requestsPerMinute: rounded(requests),
    requestsPerMinuteAndSidecar: rounded(requests / sidecars, 2),
    fleetCpuPercent: rounded((cpuOf(fleet.pid!) - before.cpuUs) / (quietMinutes * 60_000) / 10, 2),
    residentKiBPerSidecar: rounded(residentOf(fleet.pid!) / sidecars, 0),
  };

  console.error(`the server goes away for ${DOWN_MS / 1_000} s, and comes back`);
  await cluster.link.remove();
  await delay(DOWN_MS);
  await cluster.link.restore();
  const back = await steps(cluster, () => cluster.server.watches.length >= watches);

  const scale = CLUSTER / sidecars;
  const meanWatchMinutes = (DEFAULT_TIMING.watchSecondsMin + DEFAULT_TIMING.watchSecondsMax) / 2 / 60;
  console.table({ start: summary(start), "after the restart": summary(back) });
  console.log(
    "after the restart, a quarter of a second each: connections",
    back.map((step) => step.connections).join(" "),
  );
  console.log(`quiet: ${JSON.stringify(quiet)}`);
  console.log(
    `expected of the watches alone: ${rounded(watches / sidecars / meanWatchMinutes, 2)} requests a minute and sidecar (${watches / sidecars} watches of ${meanWatchMinutes} minutes)`,
  );
  console.log(
    `${CLUSTER} sidecars, if all of it grows in proportion: ${CLUSTER} connections, ${watches * scale} watches, ${rounded((requests * scale) / 60)} requests a second in quiet; spread by the same jitter, ${rounded((summary(back) as { mostConnectionsPerSecond: number }).mostConnectionsPerSecond * scale, 0)} connections a second at most when the server comes back`,
  );
  console.log(
    JSON.stringify({
      bench: "fleet",
      sidecars,
      replicas,
      start: summary(start),
      quiet,
      back: summary(back),
      machine: machineStamp(),
    }),
  );
} finally {
  const exit = once(fleet, "exit");
  fleet.kill("SIGKILL");
  await exit;
}
