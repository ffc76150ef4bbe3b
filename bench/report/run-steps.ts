/** Starts one suite after the other, each bounded in time, and gathers what they write. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { coreTimeOf } from "../machine/processor-time.ts";
import { SUITES } from "../suites.ts";
import { endOf } from "./child-process.ts";
import type { Step } from "./plan.ts";
import type { SuiteRun } from "./report-data.ts";
import { parseFigures, type SuiteResult } from "./results.ts";

/** Of a whole report. */
const LIMIT_MS = 25 * 60_000;
const LOOK_MS = 2_000;

/** @returns the share of all cores that is used while this process waits, 0 to 1 */
async function othersNow(signal: AbortSignal): Promise<number> {
  const cores = cpus().map((_, core) => core);
  const used = (): number => cores.reduce((sum, core) => sum + coreTimeOf(core), 0);
  const [before, startedAt] = [used(), performance.now()];
  await delay(LOOK_MS, undefined, { signal });
  return (used() - before) / 1_000 / (performance.now() - startedAt) / cores.length;
}

function failureOf(end: number | string, late: AbortSignal, limitMs: number): string {
  if (late.aborted) return `it was ended after ${(limitMs / 60_000).toFixed(1)} minutes`;
  return end === 0 ? "" : `it ended with ${end}; figures may be missing`;
}

export interface Ran {
  readonly runs: readonly SuiteRun[];
  readonly found: readonly SuiteResult[];
}

/**
 * @param folder for the files of the suites, made here
 * @param signal ends the suite that runs and starts no other
 * @throws when the signal is aborted; the suite has ended by then
 */
export async function runSteps(steps: readonly Step[], folder: string, signal: AbortSignal): Promise<Ran> {
  mkdirSync(folder, { recursive: true });
  const runs: SuiteRun[] = [];
  const found: SuiteResult[] = [];
  const read = new Set<string>();
  const deadline = performance.now() + LIMIT_MS;
  for (const { suite, of, args, shown, limitMinutes } of steps) {
    const othersBefore = await othersNow(signal);
    const startedAt = performance.now();
    const limitMs = Math.min(limitMinutes * 60_000, deadline - startedAt);
    const run = { suite, ...(of !== undefined && { of }), command: shown, othersBefore };
    if (limitMs < 0) {
      runs.push({ ...run, seconds: 0, failure: "not started, the report's 25 minutes were over" });
      continue;
    }
    console.error(`\n${shown}`);
    const child = spawn(process.execPath, [join(import.meta.dirname, "..", SUITES[suite].script), ...args], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, BENCH_RESULTS: folder },
    });
    const late = AbortSignal.timeout(limitMs);
    const end = await endOf(child, AbortSignal.any([signal, late]));
    signal.throwIfAborted();
    runs.push({ ...run, seconds: (performance.now() - startedAt) / 1_000, failure: failureOf(end, late, limitMs) });
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".json") && !read.has(each))) {
      read.add(name);
      found.push(parseFigures(readFileSync(join(folder, name), "utf8")) as SuiteResult);
    }
  }
  return { runs, found };
}
