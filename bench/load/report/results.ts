/** A run's figures as JSON, for whoever compares runs of one machine. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MachineStamp } from "../../machine/stamp.ts";

/** `BENCH_RESULTS` is another folder: a report gathers those of its own run there. */
export const RESULTS: string = process.env["BENCH_RESULTS"] ?? join(import.meta.dirname, "../../results");

/** @returns what the files of a run are named, so that runs sort by time */
export function resultName(bench: string, { takenAt }: Pick<MachineStamp, "takenAt">): string {
  return `${bench}-${takenAt.replaceAll(/[:.]/g, "-")}`;
}

/** @returns the path of what was written */
export function writeResult(name: string, result: object): string {
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${name}.json`);
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`);
  return file;
}
