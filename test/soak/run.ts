/**
 * `npm run test:soak -- --minutes N`: everything at once against one sidecar, for as long as wanted, while its policy changes
 * every few seconds. Ends with 1 when anything came back wrong, or when the sidecar has not given back what it held.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { tryCall } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { backend, policy, principal, service, slice, type Manifest } from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";
import { endProcessAfter } from "../support/limits/end-process.ts";
import { startSoakApplication } from "./application.ts";
import { lanes, type Lane } from "./lanes.ts";
import { sampleOf, type Sample } from "./sample.ts";

const SAMPLE_MS = 15_000;
const FLIP_MS = 4_000;
/** For the start, for steps that have begun at the deadline and for the sidecar's drain. */
const WIND_DOWN_MS = 120_000;
/** An endpoint that comes and goes. */
const VISITOR = "127.0.0.20";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "5" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 24 * 60)) throw new Error(`--minutes is '${values.minutes}'; expected 1 to 1440`);
// A step that never ends must not keep the run from ending.
endProcessAfter(minutes * 60_000 + WIND_DOWN_MS, "the soak");
const deadline = performance.now() + minutes * 60_000;
const running = (): boolean => performance.now() < deadline;

const done = new Map<string, number>();
const faults = new Map<string, number>();
const count = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

async function drive(lane: Lane): Promise<void> {
  await using current = lane;
  while (running()) {
    try {
      await current.step();
      count(done, current.name);
    } catch (error) {
      count(faults, `${current.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    await delay(current.pauseMs);
  }
}

const mutual = (port: number): object => backend("foo", port, "https", { skipClientCertValidation: false });

function manifests(...endpoints: readonly string[]): readonly Manifest[] {
  const sources = [service("gw-ns/gw"), principal(GATEWAY_NAME)];
  return [policy([mutual(80), mutual(81)], sources), slice("gw-ns/gw", "127.0.0.1", ...endpoints)];
}

/** Lets the visitor in and shuts it out again, and asks each time. */
async function flip(sidecar: TestSidecar, mesh: TestMesh): Promise<void> {
  const tls = await mesh.caller();
  for (let listed = true; running(); listed = !listed) {
    await sidecar.apply(listed ? manifests(VISITOR) : manifests());
    await delay(FLIP_MS);
    const outcome = await tryCall({ port: sidecar.port(), tls, from: VISITOR });
    const passed = "status" in outcome && outcome.status === 200;
    if (passed === listed) count(done, "policy changes");
    else count(faults, `the visitor is ${listed ? "listed" : "not listed"} and got ${JSON.stringify(outcome)}`);
  }
}

async function observe(pid: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (;;) {
    await delay(SAMPLE_MS);
    if (!running()) return samples;
    const sample = sampleOf(pid);
    samples.push(sample);
    const steps = [...done.values()].reduce((sum, value) => sum + value, 0);
    console.log(
      `${Math.round((samples.length * SAMPLE_MS) / 1000)} s: ${steps} steps, ${faults.size} kinds of faults, RSS ${sample.rssMiB} MiB, ${sample.descriptors} descriptors`,
    );
  }
}

const mesh = await TestMesh.create();
using application = await startSoakApplication();
await using sidecar = await startSidecar({
  manifests: manifests(),
  backends: [{ app: application.http }, { port: 81, app: application.stream, forward: "stream" }],
  tls: mesh.own,
  workers: 2,
  flags: ["--access-log=false", "--drain-delay=0"],
});
const pid = sidecar.child.pid!;
const before = sampleOf(pid);
const target = {
  http: sidecar.port(80),
  stream: sidecar.port(81),
  gateway: await mesh.caller(),
  wrongName: await mesh.caller("wrong.gw-ns.cluster.local"),
};
console.log(`${minutes} minutes; before: RSS ${before.rssMiB} MiB, ${before.descriptors} descriptors`);
const [samples] = await Promise.all([observe(pid), flip(sidecar, mesh), ...lanes(target).map(drive)]);
// Connections to the application that are kept for the next request close by themselves.
await delay(6_000);
const after = sampleOf(pid);
console.table(Object.fromEntries([...done].map(([name, steps]) => [name, { steps }])));
const half = samples.length >> 1;
const highest = (part: readonly Sample[]): number => Math.max(...part.map(({ rssMiB }) => rssMiB));
console.log(
  `RSS: at most ${highest(samples.slice(0, half))} MiB in the first half, ${highest(samples.slice(half))} MiB in the second; after: ${after.rssMiB} MiB, ${after.descriptors} descriptors`,
);
assert.deepEqual([...faults], [], "something came back wrong");
assert.ok(
  after.descriptors <= before.descriptors + 8,
  `${after.descriptors} descriptors are open, ${before.descriptors} were`,
);
assert.equal(await sidecar.stop(), 0);
console.log("nothing came back wrong");
