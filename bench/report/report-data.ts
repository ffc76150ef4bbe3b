/** All that a report says, before it is shown in any way: what `report` writes as JSON, and reads again. */
import type { MachineStamp } from "../machine/stamp.ts";
import { checkFigures } from "./required-fields.ts";
import { gather, parseFigures, type Results, type SuiteResult } from "./results.ts";

/** One suite, started by the report. */
export interface SuiteRun {
  readonly suite: string;
  /** Which side of a comparison, where each had a run of its own. */
  readonly of?: string;
  /** As it can be typed at the top of the repository. */
  readonly command: string;
  readonly seconds: number;
  /** Why it has no figures, or not all; "" when it ended in order. */
  readonly failure: string;
  /** Share of all cores that others had just before it was started, 0 to 1. */
  readonly othersBefore: number;
}

export interface Report {
  readonly bench: "report";
  readonly machine: MachineStamp;
  /** Of the checkout, with a "+" where files differ from it. */
  readonly commit: string;
  /** What it was compared with in the same run. */
  readonly against?: string;
  readonly quick: boolean;
  readonly runs: readonly SuiteRun[];
  readonly results: Results;
}

/** @throws when it is no JSON, or has not what pages are made of */
function readFigures(name: string, text: string): Report | SuiteResult {
  try {
    const parsed = parseFigures(text);
    checkFigures(parsed);
    return parsed as Report | SuiteResult;
  } catch (error) {
    throw new Error(`${name} is no file of figures: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/**
 * A report of files that are there: either of one report, or of results of suites.
 * @param files texts by their names
 * @throws when a file is neither, or when there is none
 */
export function reportFrom(files: ReadonlyMap<string, string>): Report {
  const found: SuiteResult[] = [];
  for (const [name, text] of files) {
    const parsed = readFigures(name, text);
    if (parsed.bench === "report") {
      if (files.size > 1) throw new Error(`${name} is a whole report; name it alone`);
      return parsed;
    }
    found.push(parsed);
  }
  const results = gather(found);
  const [first] = found;
  if (first === undefined) throw new Error("--from names no file");
  const quick =
    results.load?.options.quick === true ||
    results.handshake?.options.quick === true ||
    results.revocation?.options.quick === true;
  const after = results.load?.builds[1]?.suffix.replace("@", "");
  const against = after === undefined ? {} : { against: after };
  return { bench: "report", machine: first.machine, commit: "unknown", ...against, quick, runs: [], results };
}
