/** CPU time and memory as the kernel counts them: proc(5). */
import { readdirSync, readFileSync } from "node:fs";

/** Linux counts CPU time in ticks of 10 ms (`getconf CLK_TCK` is 100 on every architecture that Node runs on). */
const TICK_US = 10_000;

export interface ProcessTimes {
  /** User and system time of all its threads, those that have ended included, microseconds. */
  readonly ownUs: number;
  /** The same of its children that ended and were waited for. */
  readonly reapedUs: number;
}

/** @param stat contents of `/proc/PID/stat` */
export function parseTimes(stat: string): ProcessTimes {
  // The name in parentheses may hold spaces and parentheses, so fields are counted from behind it; the state is field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = (field: number): number => Number(fields[field - 3] ?? Number.NaN);
  return { ownUs: (ticks(14) + ticks(15)) * TICK_US, reapedUs: (ticks(16) + ticks(17)) * TICK_US };
}

/**
 * @param stat contents of `/proc/stat`
 * @returns time that a core worked for any process, microseconds; not that of interrupts, which the load itself causes
 * @throws when there is no such core
 */
export function parseCoreTime(stat: string, core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(stat)?.[1];
  if (line === undefined) throw new Error(`/proc/stat knows no core ${core}`);
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = line.split(" ").map(Number);
  return (user + nice + system + steal) * TICK_US;
}

/** @param status contents of `/proc/PID/status` @returns resident memory in KiB */
export function parseResident(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN);
}

/** A process and all that descend from it. */
function tree(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(tree)];
}

/** CPU time of one process so far, all its threads, microseconds. @throws when it is gone */
export function cpuOf(pid: number): number {
  return parseTimes(readFileSync(`/proc/${pid}/stat`, "latin1")).ownUs;
}

/** Resident memory of one process, KiB. @throws when it is gone */
export function residentOf(pid: number): number {
  return parseResident(readFileSync(`/proc/${pid}/status`, "latin1"));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** CPU time of processes and all that descend from them, microseconds. @throws when one is gone: what died has no figure */
export function cpuOfTrees(pids: readonly number[]): number {
  const times = pids.flatMap(tree).map((pid) => parseTimes(readFileSync(`/proc/${pid}/stat`, "latin1")));
  return sum(times.map(({ ownUs, reapedUs }) => ownUs + reapedUs));
}

/** Resident memory of processes and all that descend from them, KiB. */
export function residentOfTrees(pids: readonly number[]): number {
  return sum(pids.flatMap(tree).map(residentOf));
}

export function coreTimeOf(core: number): number {
  return parseCoreTime(readFileSync("/proc/stat", "latin1"), core);
}

/** CPU time of the children of this process that have ended, microseconds. */
export function reapedCpuUs(): number {
  return parseTimes(readFileSync("/proc/self/stat", "latin1")).reapedUs;
}
