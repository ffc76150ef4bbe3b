/** `npm run bench -- revocation [flags]`: from a lost right to the end of the connections that had it, under load. */
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { readArguments } from "../../test/support/command-line.ts";
import { resultName, writeResult } from "../load/report/results.ts";
import { textTable } from "../load/report/text-table.ts";
import { cpuPressure } from "../machine/pressure.ts";
import { residentOf } from "../machine/processor-time.ts";
import { machineStamp, rounded } from "../machine/stamp.ts";
import { figuresOf, missesOf, MOST_IDLE_KIB, QUIET_MS, tableOf, type Round } from "./figures.ts";
import { Load, RATE, SETTLE_MS, STEADY_CONNECTIONS } from "./load.ts";
import { Mesh } from "./mesh.ts";
import { HELP, parseOptions } from "./options.ts";
import { startBare, startPostern } from "./subject.ts";

/** Opened and closed before memory is looked at, so that what a process needs once is not counted. */
const WARM_UP = 100;

const say = (line: string): void => console.error(line);

const options = readArguments(HELP, parseOptions);
const { connections, violating, rounds, workers, server } = options;
const loadBefore = loadavg();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));
await using stack = new AsyncDisposableStack();
const mesh = await Mesh.create();
const subject = await (server === "bare" ? startBare : startPostern)(mesh, workers, stack);
const load = stack.use(new Load(subject.port, subject.pid));
const residentKiB = (): number => residentOf(subject.pid);

await load.open(await mesh.staying("warming up"), WARM_UP);
await delay(SETTLE_MS);
const idle = connections - violating - STEADY_CONNECTIONS - WARM_UP;
say(`opening ${idle} connections that stay`);
const before = residentKiB();
const staying = await mesh.staying("staying");
const openedFrom = performance.now();
await load.open(staying, idle);
const openMs = performance.now() - openedFrom;
await delay(SETTLE_MS);
const idleKiB = rounded((residentKiB() - before) / idle);
say(`${rounded(openMs / 1_000)} s; ${idleKiB} KiB an idle connection; load ${loadavg()[0]}`);
await load.startSteady(await mesh.staying("steady"));

const made: Round[] = [];
// As long again as it takes at the rate of before, and the time until the change.
const changes = subject.changes((3 * openMs * violating) / idle + QUIET_MS + SETTLE_MS + 2_000);
for (let count = 1; count <= rounds; count += 1) {
  for (const change of changes) {
    const one = await load.round(change, violating);
    made.push(one);
    const [figures] = figuresOf([one]);
    say(
      `${count}/${rounds} ${change.title}: p99 ${figures?.closedMs.p99} ms, x ${figures?.timesQuiet}, load ${loadavg()[0]}`,
    );
  }
}
const figures = figuresOf(made);
const [head = [], ...body] = tableOf(figures);
const machine = { ...machineStamp(), loadBefore, loadAfter: loadavg(), cpuPressurePercent: cpuPressure() };
console.log(
  `${subject.name}: ${connections} connections, ${violating} of them lose their right, ${RATE} requests/s on others, ${workers} data threads`,
);
console.log(textTable(head, body));
console.log(`idle connection: ${idleKiB} KiB, goal ${MOST_IDLE_KIB}`);
console.log(
  `${machine.cpu}, ${machine.cores} cores, load ${loadBefore[0]} before and ${machine.loadAfter[0]} after, processor waited for ${machine.cpuPressurePercent} % of the last minute`,
);
const file = writeResult(resultName(server === "bare" ? "revocation-bare" : "revocation", machine), {
  bench: "revocation",
  machine,
  options,
  application: subject.application,
  idleKiB,
  figures,
  misses: figures.map(missesOf),
  rounds: made,
});
console.log(`written to ${file}`);
