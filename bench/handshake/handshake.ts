/** `npm run bench -- handshake [flags]`: what a new mTLS connection costs, and what it keeps. */
import { loadavg } from "node:os";
import { readArguments } from "../../test/support/command-line.ts";
import { startNginxApplication } from "../load/application/nginx-application.ts";
import { startOwnApplication } from "../load/application/own-application.ts";
import { buildsOf } from "../load/builds.ts";
import { issueCertificates } from "../load/certificates.ts";
import type { Contender } from "../load/contenders/contender.ts";
import { handshakeContenders } from "../load/contenders/contenders.ts";
import { withRunning, type Setting } from "../load/measurements/running-contender.ts";
import type { Subject } from "../load/measurements/subject.ts";
import { memoryFolder } from "../load/processes/memory-folder.ts";
import { canPin, pinSelf } from "../load/processes/pinned-process.ts";
import { find } from "../load/processes/tools.ts";
import { resultName, writeResult } from "../load/report/results.ts";
import { textTable } from "../load/report/text-table.ts";
import { cpuPressure } from "../machine/pressure.ts";
import { machineStamp } from "../machine/stamp.ts";
import { figuresOf, figureTable, goalsOf, goalTable, ratioTable, type Figure, type Slice } from "./figures.ts";
import { measureCpu } from "./measure-cpu.ts";
import { measureIdle } from "./measure-idle.ts";
import type { Measurement } from "./measurement.ts";
import { HELP, parseOptions } from "./options.ts";

const say = (line: string): void => console.error(line);

// Its children are killed, and its folder removed, as the process exits.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

const { options, builds, all } = readArguments(HELP, (args) => {
  const options = parseOptions(args);
  const builds = buildsOf(options);
  return { options, builds, all: handshakeContenders(builds, options.only) };
});
for (const { name, missing } of all) if (missing() !== undefined) say(`${name} is left out: ${missing()}`);
const contenders = all.filter(({ missing }) => missing() === undefined);
pinSelf();
if (!canPin) say("WARNING: no taskset or one core only: nothing is pinned, figures are not worth much");
const loadBefore = loadavg();

const directory = memoryFolder();
const files = { directory, name: "none", bytes: 0 };
await using stack = new AsyncDisposableStack();
const application = await (find("nginx") === undefined
  ? startOwnApplication(files)
  : startNginxApplication(directory, files));
stack.use(application.child);
const setting: Setting = {
  directory,
  certificates: issueCertificates(directory),
  appPort: application.port,
  profiled: false,
};

/** What could not be measured, and why. */
const failures: string[] = [];
function fail(contender: string, measurement: Measurement, error: unknown): void {
  failures.push(`${contender}, ${measurement}: ${error instanceof Error ? error.message : String(error)}`);
  say(`not measured: ${failures.at(-1)}`);
}

const figures: Figure[] = [];
if (options.measurements.includes("idle"))
  for (const contender of contenders) {
    try {
      const { idleConnections } = options;
      const figure = await withRunning(contender, setting, (subject) => measureIdle(subject, idleConnections));
      say(`${contender.name}: ${figure.value} KiB an idle connection`);
      figures.push(figure);
    } catch (error) {
      fail(contender.name, "idle", error);
    }
  }

/** All of them alive at once: only the one whose turn it is has anything to do. */
function withAll(rest: readonly Contender[], running: readonly Subject[]): Promise<readonly Slice[]> {
  const [first, ...others] = rest;
  if (first === undefined) return measureCpu(running, options, { say, fail });
  return withRunning(first, setting, (subject) => withAll(others, [...running, subject]));
}

const slices = options.measurements.some((one) => one !== "idle") ? await withAll(contenders, []) : [];
figures.push(...figuresOf(slices));
const names = contenders.map(({ name }) => name);
const machine = { ...machineStamp(), loadBefore, loadAfter: loadavg(), cpuPressurePercent: cpuPressure() };
const goals = builds.map(({ suffix }) => ({ suffix, goals: goalsOf(figures, suffix) }));

const print = ([head = [], ...body]: readonly (readonly string[])[]): void => console.log(`\n${textTable(head, body)}`);
console.log(
  `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}, OpenSSL ${machine.openssl}`,
);
console.log(
  `load ${loadBefore[0]} before and ${machine.loadAfter[0]} after, processor waited for ${machine.cpuPressurePercent} % of the last minute`,
);
for (const { suffix, node, checkout } of builds) console.log(`postern${suffix}: ${node}, ${checkout}`);
console.log("CPU us a connection (lowest and highest round), idle in KiB; * refused after a whole handshake");
print(figureTable(figures, names));
print(ratioTable(figures, names, "haproxy"));
for (const { suffix, goals: own } of goals) {
  console.log(`\nGoals of postern${suffix}${options.quick ? " (a quick run decides nothing)" : ""}`);
  print(goalTable(own));
}
for (const failure of failures) console.log(`not measured: ${failure}`);
const file = writeResult(resultName("handshake", machine), {
  bench: "handshake",
  machine,
  pinned: canPin,
  options,
  builds,
  figures,
  goals,
  failures,
  slices,
});
console.log(`written to ${file}`);
if (failures.length > 0) process.exitCode = 1;
