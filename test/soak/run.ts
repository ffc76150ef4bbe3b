/**
 * `npm run test:soak -- --hours N | --minutes N`: everything at once against one sidecar, for as long as wanted. Callers of
 * every kind, slow ones too, go on while certificates and CAs are replaced, policies change, the API server goes away and
 * data-plane threads throw and hang. Ends with a table and with 1 where a row of it does not hold. SIGINT ends it early, in
 * order.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { readArguments } from "../support/command-line.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { endProcessAfter } from "../support/limits/end-process.ts";
import { runInNamespace, startServer } from "./api-server.ts";
import { startSoakApplication } from "./application.ts";
import { CertificateRotation, LEAF_MS, OVERLAP_MS } from "./certificate-rotation.ts";
import type { Lane } from "./lane.ts";
import { lanes } from "./lanes.ts";
import { MeshInRotation } from "./mesh-in-rotation.ts";
import { MountedVolume } from "./mounted-volume.ts";
import { HELP, parseOptions } from "./options.ts";
import { furnish, OUTAGE_MS, PolicyChurn } from "./policy-churn.ts";
import { SAMPLE_MS, sampleOf } from "./sample.ts";
import { DEADLINE_MS, slowLanes } from "./slow-lanes.ts";
import { Tally } from "./tally.ts";
import { doom } from "../support/thread/doom.ts";
import { KILL_MS, ThreadKills } from "./thread-kills.ts";
import {
  atLeastOne,
  conclusion,
  flatness,
  overTime,
  verdictTable,
  type TimedSample,
  type VerdictRow,
} from "./verdict.ts";

const THREADS = 2;
const SAYS_EVERY = 12;
/** For the start, for steps that have begun at the deadline and for the sidecar's drain. */
const WIND_DOWN_MS = 240_000;
/** After which what is kept for the next request has closed by itself. */
const REST_MS = 15_000;
const MOST_LEFT_DESCRIPTORS = 8;
/** Of the sidecar's own faults, line by line. */
const MOST_SHOWN = 10;

const { minutes, server: kind } = readArguments(HELP, parseOptions);
const elsewhere = runInNamespace(kind, import.meta.filename, process.argv.slice(2));
if (elsewhere !== undefined) process.exit(elsewhere);

// A step that never ends must not keep the run from ending.
endProcessAfter(minutes * 60_000 + WIND_DOWN_MS, "the soak");
const tally = new Tally();
using directory = temporaryDirectory();
await using server = await startServer(kind);
await furnish(server);
const mesh = new MeshInRotation();
const volume = new MountedVolume(join(directory.path, "tls"), mesh.nextLeaf(), mesh.bundle);
const rotation = new CertificateRotation(mesh, volume, tally);
using application = await startSoakApplication();
const doomFile = join(directory.path, "doom");
const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), await server.credentials());
await using sidecar = await startSidecar({
  manifests: undefined,
  backends: [{ app: application.http }, { port: 81, app: application.stream, forward: "stream" }],
  workers: THREADS,
  env: doom(doomFile),
  flags: [
    "--kubernetes",
    `--kubeconfig=${kubeconfig}`,
    "--pod-name=pod-0",
    ...volume.flags,
    "--access-log=false",
    `--handshake-timeout=${DEADLINE_MS}ms`,
    `--header-timeout=${DEADLINE_MS}ms`,
  ],
});
const pid = sidecar.child.pid!;
const kills = new ThreadKills(doomFile, sidecar, tally);

const startedAt = performance.now();
let deadline = startedAt + minutes * 60_000;
let wakeAll = (): void => undefined;
const stopped = new Promise<void>((resolve) => (wakeAll = resolve));
const running = (): boolean => performance.now() < deadline;
function stop(): void {
  deadline = -Infinity;
  wakeAll();
}
process.once("SIGINT", stop).once("SIGTERM", stop);
setTimeout(stop, minutes * 60_000).unref();
let ending = false;
void sidecar.exited().then(({ code, signal }) => {
  if (ending) return;
  tally.fault(`the sidecar ended by itself with ${code ?? signal}:\n${sidecar.log.toString()}`);
  stop();
});

/** @returns whether the run goes on */
async function pause(ms: number): Promise<boolean> {
  await Promise.race([delay(ms, undefined, { ref: false }), stopped]);
  return running();
}

async function drive(lane: Lane): Promise<void> {
  await using current = lane;
  while (running()) {
    const begun = performance.now();
    try {
      await current.step();
      tally.step(current.name);
    } catch (error) {
      tally.failed(current.name, error, begun);
    }
    await delay(current.pauseMs);
  }
}

async function observe(): Promise<readonly TimedSample[]> {
  const samples: TimedSample[] = [];
  while (await pause(SAMPLE_MS)) {
    const sample = { ...sampleOf(pid), minute: (performance.now() - startedAt) / 60_000 };
    samples.push(sample);
    if (samples.length % SAYS_EVERY === 0)
      console.log(
        `${new Date().toISOString()} ${sample.minute.toFixed(1)} min: ${tally.total} steps, ${tally.faults.size} kinds of faults, RSS ${sample.rssMiB} MiB, ${sample.descriptors} descriptors`,
      );
  }
  return samples;
}

const callerOf = (pair: () => MeshInRotation["caller"]) => () => ({ ca: mesh.bundle, pair: pair() });
const target = {
  http: sidecar.port(80),
  stream: sidecar.port(81),
  gateway: callerOf(() => mesh.caller),
  wrongName: callerOf(() => mesh.wrongName),
};
const churn = new PolicyChurn({ port: target.http, tls: target.gateway, server, tally, running });
const before = sampleOf(pid);
console.log(`${minutes} minutes; before: RSS ${before.rssMiB} MiB, ${before.descriptors} descriptors`);
const callers = [...lanes(target), ...slowLanes(target)];
for (const { name } of callers) tally.steps.set(name, 0);
const [samples] = await Promise.all([
  observe(),
  rotation.renewLeaves(pause),
  rotation.renewAuthorities(target.http, pause),
  churn.run(),
  kills.run(THREADS, pause),
  ...callers.map(drive),
]);
const lastedMs = performance.now() - startedAt;
await delay(REST_MS);
const after = sidecar.child.exitCode === null ? sampleOf(pid) : undefined;
ending = true;
const exitCode = await sidecar.stop();

const inForce = sidecar.log.all({ message: "certificate replaced" }).length;
const idle = [...tally.steps].filter(([, steps]) => steps === 0).length;
const faults = [...tally.faults.values()].reduce((sum, { count }) => sum + count, 0);
const ours = sidecar.log.all({ message: "connection met a fault of ours" });
const rows: readonly VerdictRow[] = [
  ...[...tally.steps].map(([what, measured]) => ({ what: `steps: ${what}`, measured, rule: "" })),
  ...[...tally.broken].map(([what, measured]) => ({
    what: `broken by the loss of a thread: ${what}`,
    measured,
    rule: "",
  })),
  { what: "faults", measured: faults, rule: "none", holds: faults === 0 },
  { what: "connections that met a fault of ours", measured: ours.length, rule: "none", holds: ours.length === 0 },
  { what: "kinds of callers that never succeeded", measured: idle, rule: "none", holds: idle === 0 },
  atLeastOne("threads told to fail", kills.count, KILL_MS, lastedMs),
  {
    what: "threads replaced",
    measured: kills.replaced,
    rule: "as many as were told to fail",
    holds: kills.count === kills.replaced,
  },
  atLeastOne("times that the API server was away", churn.outages, OUTAGE_MS, lastedMs),
  { what: "longest from a write to its enforcement, all there, ms", measured: Math.round(churn.longestMs), rule: "" },
  {
    what: "longest from an outage's end to the enforcement of what it hid, ms",
    measured: Math.round(churn.longestAfterOutageMs),
    rule: "",
  },
  { what: "certificates handed out", measured: rotation.leaves, rule: "" },
  atLeastOne("certificates replaced", inForce, LEAF_MS, lastedMs),
  atLeastOne("CAs added to the mesh", rotation.authorities - 1, OVERLAP_MS, lastedMs),
  { what: "RSS in MiB before, after", measured: `${before.rssMiB}, ${after?.rssMiB}`, rule: "" },
  ...flatness(samples, lastedMs),
  {
    what: "descriptors before, after",
    measured: `${before.descriptors}, ${after?.descriptors}`,
    rule: `at most ${MOST_LEFT_DESCRIPTORS} more`,
    holds: after !== undefined && after.descriptors <= before.descriptors + MOST_LEFT_DESCRIPTORS,
  },
  { what: "exit code of the sidecar", measured: String(exitCode), rule: "0", holds: exitCode === 0 },
];
const failed = rows.some(({ holds }) => holds === false);
const said = new Map<string, number>();
for (const { level, message } of sidecar.log.lines)
  if (level === "warn" || level === "error") said.set(String(message), (said.get(String(message)) ?? 0) + 1);

console.table(overTime(samples));
console.log("warnings and errors of the sidecar:", Object.fromEntries(said));
for (const line of ours.slice(0, MOST_SHOWN)) console.log(JSON.stringify(line));
if (faults > 0) console.table(Object.fromEntries(tally.faults));
console.log(
  `\n${(lastedMs / 60_000).toFixed(1)} minutes, server: ${kind}, ended ${new Date().toISOString()}\n\n${verdictTable(rows)}\n`,
);
console.log(conclusion(rows));
process.exitCode = failed ? 1 : 0;
