/** What the runner is asked for on its command line. */
import { parseArgs } from "node:util";
import { numberAboveZero } from "../test/support/command-line.ts";
import { CannotTry } from "./cannot-try.ts";

export const USAGE = `usage: node conformance/run.ts [OPTION...] -- COMMAND [ARGUMENT...]

Tries an implementation of IngressBackend, started by COMMAND, with the cases of cases/decisions.json.
What COMMAND is told and must do: conformance/README.md.

  --kubeconfig FILE   COMMAND follows this API server instead of a directory of manifests
  --only ID,ID...     play these cases
  --settle SECONDS    how long starting, and taking a case over, may last (60)
  --answer SECONDS    how long a caller waits for an answer or an end (10)
  --help              print this

Exit code: 0 nothing failed, 1 something failed, 2 nothing could be tried, 128 + N ended by signal N.
`;

export interface RunArguments {
  readonly command: readonly [string, ...string[]];
  readonly kubeconfig?: string;
  readonly only?: readonly string[];
  readonly settleMs: number;
  readonly answerMs: number;
}

/** @throws CannotTry */
export function parseArguments(argv: readonly string[]): RunArguments | "help" {
  const { values, positionals } = parse(argv);
  if (values.help === true) return "help";
  const [file, ...args] = positionals;
  if (file === undefined) throw new CannotTry("no COMMAND given; see --help");
  return {
    command: [file, ...args],
    ...(values.kubeconfig !== undefined && { kubeconfig: values.kubeconfig }),
    ...(values.only !== undefined && { only: values.only.split(",") }),
    settleMs: milliseconds("--settle", values.settle),
    answerMs: milliseconds("--answer", values.answer),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        help: { type: "boolean" },
        kubeconfig: { type: "string" },
        only: { type: "string" },
        settle: { type: "string", default: "60" },
        answer: { type: "string", default: "10" },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new CannotTry(`${(error as Error).message.split(/\.(?:\s|$)/, 1)[0]}; see --help`, { cause: error });
  }
}

/** An hour at most: timers end at once where the number is too large for them. */
function milliseconds(option: string, text: string): number {
  try {
    return numberAboveZero(option, text, 3600) * 1000;
  } catch (error) {
    throw new CannotTry(`${(error as Error).message} seconds`, { cause: error });
  }
}
