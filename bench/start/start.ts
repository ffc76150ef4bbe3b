/** `npm run bench -- start [flags]`: what a start costs, and what stands in memory afterwards. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { readArguments } from "../../test/support/command-line.ts";
import { temporaryDirectory } from "../../test/support/process/temporary-directory.ts";
import { resultName, writeResult } from "../load/report/results.ts";
import { textTable } from "../load/report/text-table.ts";
import { machineStamp } from "../machine/stamp.ts";
import { figuresOf, type Sample } from "./figures.ts";
import { HELP, parseOptions } from "./options.ts";
import { openSources, SOURCES } from "./sources.ts";
import { takeSample } from "./take-sample.ts";

const options = readArguments(HELP, parseOptions);
using directory = temporaryDirectory();
// Where it is ended from outside, nothing is disposed of, and a sidecar would live on.
process.on("exit", () => directory[Symbol.dispose]());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

function ownBundle(): string {
  const out = join(directory.path, "bundle");
  mkdirSync(out);
  execFileSync(process.execPath, [join(import.meta.dirname, "../../scripts/bundle.ts"), out]);
  return out;
}

const bundles = options.bundles.length === 0 ? [ownBundle()] : options.bundles.map((path) => resolve(path));
await using sources = await openSources(directory.path);
const samples: Sample[] = [];
for (let round = 0; round < options.rounds; round += 1)
  for (const bundle of bundles)
    for (const source of SOURCES)
      samples.push({ bundle, source, ...(await takeSample(bundle, sources.launches[source], options)) });
const figures = figuresOf(samples);
const rows = figures.map(({ source, bundle, readyMs, bestReadyMs, cpuMs, residentMiB, privateMiB }) => [
  source,
  `${readyMs.toFixed(0)}, ${bestReadyMs.toFixed(0)}`,
  cpuMs.toFixed(0),
  residentMiB.toFixed(1),
  privateMiB.toFixed(1),
  bundle,
]);
console.log(textTable(["", "ready ms (median, best)", "CPU ms to ready", "RSS MiB", "of it private", "bundle"], rows));
const machine = machineStamp();
console.log(`written to ${writeResult(resultName("start", machine), { bench: "start", machine, figures })}`);
