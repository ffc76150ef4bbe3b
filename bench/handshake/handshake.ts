/** `npm run bench -- handshake [flags]`: what a new mTLS connection costs, and what it keeps. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readArguments } from "../../test/support/command-line.ts";
import { startNginxApplication } from "../load/application/nginx-application.ts";
import { startOwnApplication } from "../load/application/own-application.ts";
import { buildsOf } from "../load/builds.ts";
import { issueCertificates } from "../load/certificates.ts";
import { handshakeContenders } from "../load/contenders/contenders.ts";
import { withRunning, type Setting } from "../load/measurements/running-contender.ts";
import type { Subject } from "../load/measurements/subject.ts";
import { canPin, pinSelf } from "../load/processes/pinned-process.ts";
import { find } from "../load/processes/tools.ts";
import { writeResult } from "../load/report/results.ts";
import { textTable } from "../load/report/text-table.ts";
import { OrderProcess } from "../machine/order-process.ts";
import { cpuPressure } from "../machine/pressure.ts";
import { cpuOfTrees, residentOfTrees } from "../machine/processor-time.ts";
import { machineStamp, rounded } from "../machine/stamp.ts";
import type { CallersAnswer, CallersOrder } from "./callers.ts";
import { figuresOf, figureTable, goalsOf, goalTable, ratioTable, type Figure, type Slice } from "./figures.ts";
import { kindOf, type CpuMeasurement } from "./measurement.ts";
import { HELP, parseOptions } from "./options.ts";

type Callers = OrderProcess<CallersOrder["order"], CallersAnswer>;

/** Opened and closed before memory is looked at, so that what a process needs once is not counted. */
const WARM_UP = 100;
const SETTLE_MS = 2_000;

const say = (line: string): void => console.error(line);

// Its children are killed, and its folder removed, as the process exits.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

const options = readArguments(HELP, parseOptions);
const builds = buildsOf(options);
const all = handshakeContenders(builds, options.only);
for (const { name, missing } of all) if (missing() !== undefined) say(`${name} is left out: ${missing()}`);
const contenders = all.filter(({ missing }) => missing() === undefined);
pinSelf();
if (!canPin) say("WARNING: no taskset or one core only: nothing is pinned, figures are not worth much");
const loadBefore = loadavg();

const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "postern-bench-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
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

const startCallers = (): Callers =>
  new OrderProcess<CallersOrder["order"], CallersAnswer>(join(import.meta.dirname, "callers.ts"));
/** What could not be measured, and why. */
const failures: string[] = [];
function fail(contender: string, measurement: string, error: unknown): void {
  failures.push(`${contender}, ${measurement}: ${error instanceof Error ? error.message : String(error)}`);
  say(`not measured: ${failures.at(-1)}`);
}

async function idleFigure({ contender, pids, mutual: port, certificates: certificate }: Subject): Promise<Figure> {
  await using callers = startCallers();
  await callers.ask({ kind: "keep", port, certificate, count: WARM_UP });
  await callers.ask({ kind: "let-go" });
  await delay(SETTLE_MS);
  const before = residentOfTrees(pids);
  const count = options.idleConnections;
  await callers.ask({ kind: "keep", port, certificate, count });
  await delay(SETTLE_MS);
  const value = rounded((residentOfTrees(pids) - before) / count);
  const { closed = 0 } = await callers.ask({ kind: "let-go" });
  if (closed > 0) throw new Error(`${closed} of ${count} idle connections were closed`);
  return { contender: contender.name, measurement: "idle", value, lowest: value, highest: value, connections: count };
}

const figures: Figure[] = [];
if (options.measurements.includes("idle")) {
  for (const contender of contenders) {
    try {
      const figure = await withRunning(contender, setting, idleFigure);
      say(`${contender.name}: ${figure.value} KiB an idle connection`);
      figures.push(figure);
    } catch (error) {
      fail(contender.name, "idle", error);
    }
  }
}

const callers = stack.use(startCallers());

async function slice(subject: Subject, measurement: CpuMeasurement, seconds: number): Promise<Slice> {
  const { contender, pids, mutual: port, certificates: certificate } = subject;
  const connection = kindOf(measurement);
  if (connection.handshake === "resumed")
    await callers.ask({ kind: "prepare", port, certificate, version: connection.version });
  const before = cpuOfTrees(pids);
  const { connections = 0, afterHandshake = 0 } = await callers.ask({
    kind: "connect",
    port,
    certificate,
    seconds,
    connection,
  });
  return { contender: contender.name, measurement, connections, cpuUs: cpuOfTrees(pids) - before, afterHandshake };
}

/** They resume nothing: Postern by default, ghostunnel ever. */
const FULL_ONLY = new Set(["postern", "postern-stream", "ghostunnel"]);

function isAsked({ contender: { family, judgesAddress } }: Subject, measurement: CpuMeasurement): boolean {
  switch (kindOf(measurement).handshake) {
    case "full":
      return true;
    case "resumed":
      return !FULL_ONLY.has(family);
    case "refused":
      return judgesAddress;
  }
}

async function measureCpu(subjects: readonly Subject[]): Promise<readonly Slice[]> {
  const { measurements, rounds, seconds } = options;
  const slices: Slice[] = [];
  for (const measurement of measurements.filter((one) => one !== "idle")) {
    const failed = new Set<Subject>();
    // The first round warms up.
    for (let round = 0; round <= rounds; round += 1) {
      // To and fro, so that nobody is always behind the same one.
      const inTurn = round % 2 === 0 ? subjects : subjects.toReversed();
      for (const subject of inTurn.filter((one) => isAsked(one, measurement) && !failed.has(one))) {
        try {
          const one = await slice(subject, measurement, seconds);
          if (round > 0) slices.push(one);
        } catch (error) {
          failed.add(subject);
          fail(subject.contender.name, measurement, error);
        }
      }
    }
    const done = figuresOf(slices).filter((one) => one.measurement === measurement);
    say(`${measurement}: ${done.map(({ contender, value }) => `${contender} ${value.toFixed(0)} us`).join(", ")}`);
  }
  return slices;
}

/** All of them alive at once: only the one whose turn it is has anything to do. */
function withAll(rest: typeof contenders, running: readonly Subject[]): Promise<readonly Slice[]> {
  const [first, ...others] = rest;
  if (first === undefined) return measureCpu(running);
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
const name = `handshake-${machine.takenAt.replaceAll(/[:.]/g, "-")}`;
const file = writeResult(name, {
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
