/** What a process holds at a moment. */
import { readdirSync, readFileSync } from "node:fs";

/** Between two samples of a soak. */
export const SAMPLE_MS = 5_000;

export interface Sample {
  readonly rssMiB: number;
  readonly descriptors: number;
}

export function sampleOf(pid: number): Sample {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  return { rssMiB: Math.round(Number(kib) / 1024), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}
