/** Files that suites have written: `load.json` by a quick run, `load-of-a-busy-machine.json` where Postern did not even start. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reportFrom, type Report } from "../../../bench/report/report-data.ts";

export function reportOf(...names: readonly string[]): Report {
  const entries = names.map(
    (name) => [name, readFileSync(join(import.meta.dirname, "results", name), "utf8")] as const,
  );
  return reportFrom(new Map(entries));
}

export const ALL = ["load.json", "micro.json", "start.json", "revocation.json"] as const;
