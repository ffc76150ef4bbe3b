/** From a change at the API server to its enforcement in every data thread, at 10,000 endpoints in 100 slices. */
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { writeKubeconfig } from "../../test/support/api-server/kubeconfig.ts";
import { HeldCredentials } from "../../test/support/api-server/test-cluster.ts";
import { startApplication } from "../../test/support/application/application.ts";
import { oneOf, readArguments, wholeNumber } from "../../test/support/command-line.ts";
import { startSidecar, type TestSidecar } from "../../test/support/process/sidecar.ts";
import { temporaryDirectory } from "../../test/support/process/temporary-directory.ts";
import { resultName, writeResult } from "../load/report/results.ts";
import { percentiles, type Percentiles } from "../machine/percentiles.ts";
import { cpuPressure } from "../machine/pressure.ts";
import { residentOf } from "../machine/processor-time.ts";
import { machineStamp, rounded } from "../machine/stamp.ts";
import * as changes from "./changes.ts";
import { costOfFlips } from "./cost.ts";
import { CountingRelay } from "./counting-relay.ts";
import { inForce, sample, THREADS, type Sample } from "./enforcement.ts";
import { runInNamespace, SERVER_KINDS, startServer, type MeasuredServer, type ServerKind } from "./server.ts";

const HELP = `Measures how long a change at the API server takes to be enforced in every data thread.

One real sidecar with ${THREADS} data threads follows a source Service of 10,000 endpoints in 100 slices. Each sample opens eight
connections that reach all threads, takes their right away with one write, and stops when the last of them is closed.

Usage:
  npm run bench -- propagation [flags]

Flags:
  --server KIND   stand-in (the tests' own, in this process) or real (kube-apiserver as 'npm run test:cluster' builds it, in a
                  network namespace); default stand-in
  --flips N       samples of each change; default 300
  --churn N       changes a second to the other slices in the last of the three measurements; default 20
  --help          show this text
`;

const WARM_UP = 20;
const SETTLE_MS = 5_000;

interface Options {
  readonly kind: ServerKind;
  readonly flips: number;
  readonly churn: number;
}

/** @throws when a flag is unknown or its value is none of those expected */
function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: "string", default: "stand-in" },
      flips: { type: "string", default: "300" },
      churn: { type: "string", default: "20" },
    },
  });
  return {
    kind: oneOf("--server", values.server, SERVER_KINDS),
    flips: wholeNumber("--flips", values.flips, 1, 100_000),
    churn: wholeNumber("--churn", values.churn, 1, 100_000),
  };
}

function progress(text: string): void {
  console.error(text);
}

async function take(sidecar: TestSidecar, change: changes.Change, flips: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let count = 1; count <= flips; count += 1) {
    samples.push(await sample(sidecar, change));
    if (count % 100 === 0) progress(`${change.title}: ${count} of ${flips}`);
  }
  return samples;
}

interface Row {
  readonly change: string;
  readonly sinceSentMs: Percentiles;
  readonly sinceAnsweredMs: Percentiles;
  readonly longerThan100Ms: number;
}

function rowOf(change: string, samples: readonly Sample[]): Row {
  return {
    change,
    sinceSentMs: percentiles(samples.map(({ sinceSentMs }) => sinceSentMs)),
    sinceAnsweredMs: percentiles(samples.map(({ sinceAnsweredMs }) => sinceAnsweredMs)),
    longerThan100Ms: samples.filter(({ sinceSentMs }) => sinceSentMs > 100).length,
  };
}

function residentMiB(sidecar: TestSidecar): number {
  return rounded(residentOf(sidecar.child.pid!) / 1_024);
}

async function measure(server: MeasuredServer, { kind, flips, churn }: Options): Promise<object> {
  const { cluster } = server;
  const { api } = cluster;
  await using application = await startApplication();
  await using relay = await CountingRelay.open(server.port);
  using directory = temporaryDirectory();
  const { token, ca } = cluster.credentials();
  const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), new HeldCredentials(relay.port, token, ca));
  await using sidecar = await startSidecar({
    manifests: undefined,
    backends: [
      { port: changes.HTTP_PORT, app: application.port },
      { port: changes.STREAM_PORT, app: application.port, forward: "stream" },
    ],
    workers: THREADS,
    flags: ["--kubernetes", `--kubeconfig=${kubeconfig}`, "--access-log=false"],
  });
  // Where the bench is ended from outside, nothing disposes of it.
  process.once("exit", () => sidecar.child.kill("SIGKILL"));
  await delay(SETTLE_MS);
  const empty = residentMiB(sidecar);
  const leaves = changes.endpointLeaves(api, kind === "real" ? "10.99.5.1" : "127.0.5.1");
  const drops = changes.policyDropsSource(api);
  progress(`${changes.SLICES} slices of ${changes.ENDPOINTS_PER_SLICE} endpoints`);
  await changes.furnish(api);
  await inForce(sidecar, drops.address);
  await delay(SETTLE_MS);
  const full = residentMiB(sidecar);
  await take(sidecar, leaves, WARM_UP);
  const rows = [
    rowOf(leaves.title, await take(sidecar, leaves, flips)),
    rowOf(drops.title, await take(sidecar, drops, flips)),
  ];
  {
    await using _churn = changes.churn(api, churn);
    rows.push(rowOf(`${leaves.title}, ${churn} other changes a second`, await take(sidecar, leaves, flips)));
  }
  progress("cost of a flip");
  const cost = await costOfFlips(sidecar.child.pid!, relay, leaves, flips);
  return { rows, cost, residentMiB: { empty, full, afterwards: residentMiB(sidecar) } };
}

const options = readArguments(HELP, parseOptions);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));
const elsewhere = runInNamespace(options.kind, import.meta.filename, process.argv.slice(2));
if (elsewhere !== undefined) process.exit(elsewhere);

const [loadBefore] = loadavg();
await using server = await startServer(options.kind);
const report = (await measure(server, options)) as { readonly rows: readonly Row[]; readonly cost: object };
console.log(`ms from the write to the end of the last connection that lost its right (${options.kind})`);
console.table(
  Object.fromEntries(
    report.rows.flatMap(({ change, sinceSentMs, sinceAnsweredMs, longerThan100Ms }) => [
      [`${change}, since sent`, { ...sinceSentMs, "longer than 100 ms": longerThan100Ms }],
      [`${change}, since answered`, sinceAnsweredMs],
    ]),
  ),
);
console.log("one flip:", report.cost);
const machine = { ...machineStamp(), loadBefore, loadAfter: loadavg()[0], cpuPressurePercent: cpuPressure() };
const file = writeResult(resultName("propagation", machine), { bench: "propagation", ...options, ...report, machine });
console.log(`written to ${file}`);
