/**
 * How the runners of tests and the benches read their arguments: `--help` ends with 0, and what cannot be understood ends with 2
 * and says what it is.
 */
import { parseArgs } from "node:util";

/**
 * @param read throws where an option is unknown or its value is none of those expected
 * @returns what was read; ends the process where it is not to go on
 */
export function readArguments<Options>(help: string, read: (args: readonly string[]) => Options): Options {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    console.log(help.trim());
    process.exit(0);
  }
  try {
    refuseEmpty(args);
    return read(args);
  } catch (error) {
    // Node adds how to write a file name that begins with a dash.
    const [what = ""] = (error instanceof Error ? error.message : String(error)).split(". To specify");
    console.error(`${what}\n--help shows what is expected`);
    process.exit(2);
  }
}

/** `--from=`, `--from ""` and `--only ,`: what a variable of a shell leaves when it is not set. */
const EMPTY = /^(?:--[^=]*=)?[\s,]*$/;

/** Otherwise no name at all would mean all of them, and no number would be 0. */
function refuseEmpty(args: readonly string[]): void {
  const index = args.findIndex((arg) => EMPTY.test(arg));
  const option = /^--[^=]+/.exec(args[index] ?? "")?.[0] ?? args[index - 1] ?? "the first argument";
  if (index >= 0) throw new Error(`${option} has no value`);
}

/** For a command that takes none. @throws when there are any */
export function noArguments(args: readonly string[]): void {
  parseArgs({ args: [...args], options: {} });
}

/** An option that takes names, by commas or by repetition. */
export const NAMES = { type: "string", multiple: true, default: [] as string[] } as const;

export function namesOf(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(",")).filter((value) => value !== "");
}

/** @throws when it is none, or out of bounds */
export function wholeNumber(option: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw new Error(`${option} is '${text}'; expected a whole number from ${lowest} to ${highest}`);
}

/** @throws when it is none, or out of bounds */
export function numberAboveZero(option: string, text: string, highest: number): number {
  const value = Number(text);
  if (value > 0 && value <= highest) return value;
  throw new Error(`${option} is '${text}'; expected a number above 0, up to ${highest}`);
}

/** @throws when it is none of them */
export function oneOf<Known extends string>(option: string, text: string, known: readonly Known[]): Known {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new Error(`${option} is '${text}'; expected one of ${known.join(", ")}`);
}
