/** Flags of `bench start`. */
import { parseArgs } from "node:util";
import { NAMES, namesOf, numberAboveZero, wholeNumber } from "../../test/support/command-line.ts";

export interface StartOptions {
  /** Folders of bundles; one of this checkout is made when empty. */
  readonly bundles: readonly string[];
  readonly rounds: number;
  /** Between readiness and the look at memory. */
  readonly restSeconds: number;
  readonly nodeFlags: readonly string[];
}

export const HELP = `npm run bench -- start [flags]

What a start of the bundle costs until /readyz answers 200, and what stands in memory afterwards, with a directory of manifests and
with an API server (the tests' stand-in). Rounds alternate between bundles and sources.

  --bundle DIR,...   bundles side by side, made by 'node scripts/bundle.ts DIR' (one of this checkout, made for the run)
  --rounds N         starts of each bundle with each source (9)
  --rest SECONDS     between readiness and the look at memory (4)
  --node=FLAGS       flags of Node for the sidecar, separated by spaces
  --help             show this text
`;

/** @throws when a flag is unknown or a number is none */
export function parseOptions(args: readonly string[]): StartOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      bundle: NAMES,
      rounds: { type: "string", default: "9" },
      rest: { type: "string", default: "4" },
      node: { type: "string", default: "" },
    },
  });
  return {
    bundles: namesOf(values.bundle),
    rounds: wholeNumber("--rounds", values.rounds, 1, 1_000),
    restSeconds: numberAboveZero("--rest", values.rest, 3_600),
    nodeFlags: values.node.split(" ").filter((flag) => flag !== ""),
  };
}
