/** `npm run bench -- revocation [flags]`: from a lost right to the end of the connections that had it, under load. */
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startSidecar } from "../../test/support/process/sidecar.ts";
import { startNginxApplication } from "../load/application/nginx-application.ts";
import { startOwnApplication } from "../load/application/own-application.ts";
import type { Application } from "../load/application/application.ts";
import { find } from "../load/processes/tools.ts";
import { resultName, writeResult } from "../load/report/results.ts";
import { textTable } from "../load/report/text-table.ts";
import { OrderProcess } from "../machine/order-process.ts";
import { cpuPressure } from "../machine/pressure.ts";
import { cpuOf, residentOf } from "../machine/processor-time.ts";
import { machineStamp, rounded } from "../machine/stamp.ts";
import { temporaryDirectory } from "../../test/support/process/temporary-directory.ts";
import type { CallersAnswer, CallersOrder } from "./callers.ts";
import { changesOf, type Change } from "./changes.ts";
import { figuresOf, missesOf, MOST_IDLE_KIB, QUIET_MS, roundOf, tableOf, type Round } from "./figures.ts";
import { Mesh } from "./mesh.ts";
import { HELP, parseOptions } from "./options.ts";
import type { SteadyAnswer, SteadyOrder } from "./steady.ts";

type Callers = OrderProcess<CallersOrder["order"], CallersAnswer>;

const CALLER_PROCESSES = 2;
const STEADY_CONNECTIONS = 100;
const RATE = 500;
/** Opened and closed before memory is looked at, so that what a process needs once is not counted. */
const WARM_UP = 100;
const SETTLE_MS = 3_000;
/** After the change, before the samples of the load are taken. */
const AFTER_MS = 1_500;

const say = (line: string): void => console.error(line);
const script = (name: string): string => join(import.meta.dirname, name);

function startApplication(directory: string): Promise<Application> {
  const files = { directory, name: "none", bytes: 0 };
  return find("nginx") === undefined ? startOwnApplication(files) : startNginxApplication(directory, files);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}
const options = parseOptions(args);
const { connections, violating, rounds, workers } = options;
const loadBefore = loadavg();
await using stack = new AsyncDisposableStack();
const directory = stack.use(temporaryDirectory());
const application = await startApplication(directory.path);
stack.use(application.child);
const mesh = await Mesh.create();
const sidecar = stack.use(
  await startSidecar({
    manifests: mesh.manifests(),
    backends: [{ app: application.port }],
    tls: { ...mesh.own, caPem: mesh.bundle(), crlPem: await mesh.lists() },
    workers,
    flags: ["--access-log=false"],
  }),
);
// Where the bench is ended from outside, nothing disposes of it.
process.once("exit", () => sidecar.child.kill("SIGKILL"));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
mesh.follow(sidecar.directory);
const port = sidecar.port();
const callers: readonly Callers[] = Array.from({ length: CALLER_PROCESSES }, () =>
  stack.use(new OrderProcess<CallersOrder["order"], CallersAnswer>(script("callers.ts"))),
);
const steady = stack.use(new OrderProcess<SteadyOrder["order"], SteadyAnswer>(script("steady.ts")));
const residentKiB = (): number => residentOf(sidecar.child.pid!);

function all(order: (share: (count: number) => number) => CallersOrder["order"]): Promise<readonly CallersAnswer[]> {
  return Promise.all(
    callers.map((one, index) =>
      one.ask(order((count) => Math.floor(count / CALLER_PROCESSES) + (index < count % CALLER_PROCESSES ? 1 : 0))),
    ),
  );
}

async function wrongCloses(): Promise<number> {
  return sum((await all(() => ({ kind: "wrong-closes" }))).map(({ wrong = 0 }) => wrong));
}

const warm = await mesh.staying("warming up");
await all((share) => ({ kind: "open", bearer: warm, port, count: share(WARM_UP) }));
await delay(SETTLE_MS);
const idle = connections - violating - STEADY_CONNECTIONS - WARM_UP;
say(`opening ${idle} connections that stay`);
const before = residentKiB();
const staying = await mesh.staying("staying");
const openedFrom = performance.now();
await all((share) => ({ kind: "open", bearer: staying, port, count: share(idle) }));
const openMs = performance.now() - openedFrom;
await delay(SETTLE_MS);
const idleKiB = rounded((residentKiB() - before) / idle);
say(`${rounded(openMs / 1_000)} s; ${idleKiB} KiB an idle connection; load ${loadavg()[0]}`);
await steady.ask({
  kind: "start",
  bearer: await mesh.staying("steady"),
  port,
  connections: STEADY_CONNECTIONS,
  rate: RATE,
});

async function round(change: Change): Promise<Round> {
  const bearer = await change.give();
  await all((share) => ({ kind: "open", bearer, port, count: share(violating) }));
  const wrongBefore = (await wrongCloses()) + ((await steady.ask({ kind: "take" })).wrong ?? 0);
  await delay(QUIET_MS + SETTLE_MS);
  const ended = all(() => ({ kind: "await-end", bearer: bearer.name }));
  const changedAt = await change.take(bearer);
  const cpuUs = cpuOf(sidecar.child.pid!);
  const ends = (await ended).flatMap((answer) => answer.ends ?? []);
  const cpuMs = (cpuOf(sidecar.child.pid!) - cpuUs) / 1_000;
  await delay(AFTER_MS);
  const taken = await steady.ask({ kind: "take" });
  const wrong = (await wrongCloses()) + (taken.wrong ?? 0) - wrongBefore;
  return roundOf(change.title, changedAt, { ends, answered: taken.answered ?? [], wrong, cpuMs });
}

const made: Round[] = [];
// As long again as it takes at the rate of before, and the time until the change.
const changes = changesOf(mesh, (3 * openMs * violating) / idle + QUIET_MS + SETTLE_MS + 2_000);
for (let count = 1; count <= rounds; count += 1) {
  for (const change of changes) {
    const one = await round(change);
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
  `${connections} connections, ${violating} of them lose their right, ${RATE} requests/s on others, ${workers} data threads`,
);
console.log(textTable(head, body));
console.log(`idle connection: ${idleKiB} KiB, goal ${MOST_IDLE_KIB}`);
console.log(
  `${machine.cpu}, ${machine.cores} cores, load ${loadBefore[0]} before and ${machine.loadAfter[0]} after, processor waited for ${machine.cpuPressurePercent} % of the last minute`,
);
const file = writeResult(resultName("revocation", machine), {
  bench: "revocation",
  machine,
  options,
  application: application.name,
  idleKiB,
  figures,
  misses: figures.map(missesOf),
  rounds: made,
});
console.log(`written to ${file}`);
