/** Flags of `bench report`. */
import { parseArgs } from "node:util";
import { NAMES, namesOf, oneOf } from "../../test/support/command-line.ts";

/** What a report can run, in the order in which it does: the longest first, since time is limited. */
const REPORTED = ["load", "micro", "start", "handshake", "revocation", "propagation", "fleet"] as const;
export type Reported = (typeof REPORTED)[number];

export interface ReportOptions {
  readonly suites: readonly Reported[];
  /** Files of results; nothing is run where there are any. */
  readonly from: readonly string[];
  readonly against?: string;
  /** A file for the Markdown page, its plots in a folder of that name. */
  readonly markdown?: string;
  readonly quick: boolean;
}

/** `fleet` measures minutes without a change, and takes too long for every report. */
const DEFAULT = REPORTED.filter((suite) => suite !== "fleet");

export const HELP = `npm run bench -- report [flags]

Runs suites, all but fleet unless they are named, and writes their figures as one JSON file, one HTML page (open it in a browser; it needs nothing else) and one
Markdown page with its plots beside it, to bench/results. At most 25 minutes. Contenders that are not installed are left out and
named: npm run bench -- install.

  --suites NAME,...   ${DEFAULT.join(",")}; also fleet
  --against REV       measures that commit too, in the same run (load, micro, start), and compares by ratio; its sources are
                      checked out as a git worktree that is removed at the end, on the node_modules of this checkout
  --from FILE,...     runs nothing: makes the pages from a report's JSON, or from results of suites, beside the first of them
                      and under its name
  --markdown FILE     writes the Markdown page there too, its plots into the folder FILE without '.md'
  --quick             a look within 10 minutes: no figure of it is worth keeping
  --help              show this text
`;

/** @throws when a flag is unknown, a suite is none, or flags contradict each other */
export function parseOptions(args: readonly string[]): ReportOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      suites: NAMES,
      from: NAMES,
      against: { type: "string" },
      markdown: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  const asked = namesOf(values.suites).map((name) => oneOf("--suites", name, REPORTED));
  const { against, markdown, quick } = values;
  const from = namesOf(values.from);
  if (from.length > 0 && (against !== undefined || asked.length > 0 || quick))
    throw new Error("--from runs nothing; --against, --suites and --quick are of runs");
  const other = from.find((file) => !file.endsWith(".json"));
  if (other !== undefined) throw new Error(`--from is '${other}'; expected names that end with .json`);
  if (markdown !== undefined && !markdown.endsWith(".md"))
    throw new Error(`--markdown is '${markdown}'; expected a name that ends with .md`);
  return {
    suites: asked.length === 0 ? DEFAULT : REPORTED.filter((suite) => asked.includes(suite)),
    from,
    quick,
    ...(against !== undefined && { against }),
    ...(markdown !== undefined && { markdown }),
  };
}
