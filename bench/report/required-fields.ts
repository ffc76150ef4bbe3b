/** What a file of figures must have before pages are made of it: an empty or foreign one must not be taken for a report. Pure. */
import type { SuiteResult } from "./results.ts";

/** A list is one of objects. */
type Kind = "text" | "number" | "truth" | "list" | "texts" | "object";
type Fields = Readonly<Record<string, Kind>>;

const MACHINE: Fields = {
  cpu: "text",
  cores: "number",
  memoryGiB: "number",
  kernel: "text",
  architecture: "text",
  node: "text",
  openssl: "text",
  takenAt: "text",
};

const OF_SUITE: Readonly<Record<SuiteResult["bench"], Fields>> = {
  load: { options: "object", builds: "list", application: "text", direct: "object", rows: "list" },
  micro: { figures: "list" },
  start: { figures: "list" },
  handshake: { options: "object", figures: "list", failures: "texts" },
  revocation: { options: "object", idleKiB: "number", figures: "list" },
  propagation: { kind: "text", rows: "list", cost: "object" },
  fleet: { kind: "text", sidecars: "number", quiet: "object" },
};

const OF_REPORT: Fields = { commit: "text", quick: "truth", runs: "list", results: "object" };

type Known = Readonly<Record<string, unknown>>;

function kindOf(value: unknown): Exclude<Kind, "texts"> | undefined {
  if (Array.isArray(value)) return "list";
  switch (typeof value) {
    case "string":
      return "text";
    case "number":
      return "number";
    case "boolean":
      return "truth";
    case "object":
      return "object";
    default:
      return undefined;
  }
}

function isSuite(name: unknown): name is SuiteResult["bench"] {
  return typeof name === "string" && Object.hasOwn(OF_SUITE, name);
}

function check(value: unknown, fields: Fields, where: string): void {
  for (const [field, kind] of Object.entries(fields)) {
    const found = (value as Known)[field];
    if (kindOf(found) !== (kind === "texts" ? "list" : kind))
      throw new Error(`${where}${field} is no ${kind === "texts" ? "list" : kind}`);
    if (kind !== "list" && kind !== "texts") continue;
    const entry = kind === "list" ? "object" : "text";
    if ((found as readonly unknown[]).some((each) => kindOf(each) !== entry))
      throw new Error(`${where}${field} has an entry that is no ${entry}`);
  }
}

function checkResult(value: unknown, where: string): void {
  if (kindOf(value) !== "object") throw new Error(`${where.slice(0, -1) || "the file"} is no object`);
  const { bench, machine } = value as Known;
  if (!isSuite(bench)) throw new Error(`${where}bench is none of report, ${Object.keys(OF_SUITE).join(", ")}`);
  check(value, { machine: "object", ...OF_SUITE[bench] }, where);
  check(machine, MACHINE, `${where}machine.`);
}

/**
 * @param value of a file that was read
 * @throws when it is neither a report nor the result of a suite, naming the field
 */
export function checkFigures(value: unknown): void {
  if (kindOf(value) !== "object" || (value as Known)["bench"] !== "report") {
    checkResult(value, "");
    return;
  }
  check(value, { machine: "object", ...OF_REPORT }, "");
  const { machine, results } = value as Known;
  check(machine, MACHINE, "machine.");
  const all = Object.entries(results as Known);
  if (all.length === 0) throw new Error("results is empty");
  for (const [suite, result] of all) checkResult(result, `results.${suite}.`);
}
