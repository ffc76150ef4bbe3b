/** Starts one suite after the other, each bounded in time, and gathers what they write. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { coreTimeOf } from "../machine/processor-time.ts";
import { SUITES } from "../suites.ts";
import type { Step } from "./plan.ts";
import type { SuiteRun } from "./report-data.ts";
import { parseFigures, type SuiteResult } from "./results.ts";

/** Of a whole report. */
const LIMIT_MS = 25 * 60_000;
const LOOK_MS = 2_000;
/** Between the request to end and the end that cannot be refused. */
const GRACE_MS = 5_000;

/** @returns the share of all cores that is used while this process waits, 0 to 1 */
async function othersNow(): Promise<number> {
  const cores = cpus().map((_, core) => core);
  const used = (): number => cores.reduce((sum, core) => sum + coreTimeOf(core), 0);
  const [before, startedAt] = [used(), performance.now()];
  await delay(LOOK_MS);
  return (used() - before) / 1_000 / (performance.now() - startedAt) / cores.length;
}

async function ended(child: ChildProcess, limitMs: number): Promise<string> {
  const exit = once(child, "exit") as Promise<[number | null, string | null]>;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGTERM");
  }, limitMs);
  const last = setTimeout(() => child.kill("SIGKILL"), limitMs + GRACE_MS);
  const [code, signal] = await exit;
  clearTimeout(timer);
  clearTimeout(last);
  if (late) return `it was ended after ${(limitMs / 60_000).toFixed(1)} minutes`;
  return code === 0 ? "" : `it ended with ${code ?? signal}; figures may be missing`;
}

export interface Ran {
  readonly runs: readonly SuiteRun[];
  readonly found: readonly SuiteResult[];
}

/**
 * @param folder for the files of the suites, made here
 * @param signal ends the suite that runs and starts no other
 */
export async function runSteps(steps: readonly Step[], folder: string, signal: AbortSignal): Promise<Ran> {
  mkdirSync(folder, { recursive: true });
  const runs: SuiteRun[] = [];
  const found: SuiteResult[] = [];
  const read = new Set<string>();
  const deadline = performance.now() + LIMIT_MS;
  for (const { suite, args, shown, limitMinutes } of steps) {
    signal.throwIfAborted();
    const othersBefore = await othersNow();
    const startedAt = performance.now();
    const limitMs = Math.min(limitMinutes * 60_000, deadline - startedAt);
    const run = { suite, command: shown, othersBefore };
    if (limitMs < 0) {
      runs.push({ ...run, seconds: 0, failure: "not started, the report's 25 minutes were over" });
      continue;
    }
    console.error(`\n${shown}`);
    const child = spawn(process.execPath, [join(import.meta.dirname, "..", SUITES[suite].script), ...args], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, BENCH_RESULTS: folder },
    });
    const stop = (): boolean => child.kill("SIGTERM");
    signal.addEventListener("abort", stop, { once: true });
    const failure = await ended(child, limitMs);
    signal.removeEventListener("abort", stop);
    runs.push({ ...run, seconds: (performance.now() - startedAt) / 1_000, failure });
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".json") && !read.has(each))) {
      read.add(name);
      found.push(parseFigures(readFileSync(join(folder, name), "utf8")) as SuiteResult);
    }
  }
  signal.throwIfAborted();
  return { runs, found };
}
