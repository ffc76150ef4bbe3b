/** Figures as the operating system has them, and what to make of several of them. */
import { readFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";

/** Linux counts CPU time in ticks of 10 ms (`getconf CLK_TCK` is 100 on every architecture that Node runs on). */
const TICK_US = 10_000;

/** CPU time of a process so far, user and system, all its threads, in microseconds. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name in parentheses may hold spaces, so fields are counted from behind it; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** Resident memory of a process in KiB. */
export function residentOf(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(line?.[1] ?? Number.NaN);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Two decimals are more than these measurements carry. */
export function rounded(value: number, decimals = 1): number {
  return Number(value.toFixed(decimals));
}

/** What the figures were taken on: figures of two machines are never compared. */
export interface MachineStamp {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly architecture: string;
  readonly node: string;
  readonly openssl: string;
  readonly takenAt: string;
}

export function machineStamp(): MachineStamp {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    memoryGiB: rounded(totalmem() / 2 ** 30),
    kernel: release(),
    architecture: arch(),
    node: process.version,
    openssl: process.versions.openssl,
    takenAt: new Date().toISOString(),
  };
}
