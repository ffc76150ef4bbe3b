/** A run's figures as JSON, for whoever compares runs of one machine. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const RESULTS: string = join(import.meta.dirname, "../../results");

/** @returns the path of what was written */
export function writeResult(name: string, result: object): string {
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${name}.json`);
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`);
  return file;
}
