/** Flags as a table a command: what parses them also explains them. */
import { parseArgs } from "node:util";
import { didYouMean } from "../config/did-you-mean.ts";
import { readBoolean, Unusable } from "../config/values.ts";

export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** One letter, without the dash. */
  readonly short?: string;
  /** Placeholder of its value; absent for a switch. */
  readonly value?: string;
  /** The flag may stand alone; a value comes with `=` only. */
  readonly optional?: boolean;
  readonly repeatable?: boolean;
  readonly help: string;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly usage: readonly string[];
  readonly flags: readonly Flag[];
  /** Placeholder of positional arguments; absent when there are none. */
  readonly positionals?: string;
  /** Free text at the end of the help. */
  readonly notes?: string;
}

export interface ParsedFlags {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
  /** Everything that is wrong, each with its flag's name; empty when all is well. */
  readonly problems: readonly string[];
  readonly help: boolean;
}

const HELP: Flag = { name: "help", short: "h", help: "show this text" };

/** Reads `--name value`, `--name=value` and switches, which `=false` turns off; never throws. */
export function parseFlags(spec: CommandSpec, argv: readonly string[]): ParsedFlags {
  const flags = new Map([...spec.flags, HELP].map((flag) => [flag.name, flag]));
  const options = Object.fromEntries(
    [...flags].map(([name, { value, optional, short }]) => [
      name,
      {
        type: value === undefined || optional === true ? "boolean" : "string",
        ...(short !== undefined && { short }),
      } as const,
    ]),
  );
  const { tokens } = parseArgs({
    args: argv,
    options,
    strict: false,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  const problems: string[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      const before = tokens[index - 1];
      if (spec.positionals !== undefined) positionals.push(token.value);
      // The value of an unknown flag would only be reported a second time.
      else if (before?.kind !== "option" || before.value !== undefined || flags.has(before.name))
        problems.push(`unexpected argument '${token.value}'`);
      continue;
    }
    const { name, rawName, value, inlineValue } = token;
    const flag = flags.get(name);
    if (flag === undefined)
      problems.push(
        `unknown flag '${rawName}'${didYouMean(
          rawName,
          [...flags.keys()].map((known) => `--${known}`),
        )}`,
      );
    else if (flag.value === undefined) {
      const on = value === undefined ? true : readBoolean(value);
      if (on instanceof Unusable)
        problems.push(`--${name} has the value '${value}'; expected ${on.expected}, or no value`);
      else if (on) values.set(name, [""]);
      else values.delete(name);
    } else if (value === undefined && flag.optional === true) values.set(name, [""]);
    else if (value === undefined || (!inlineValue && value.startsWith("--")))
      problems.push(`--${name} needs a value: --${name} ${flag.value}`);
    else {
      const former = values.get(name) ?? [];
      if (former.length > 0 && flag.repeatable !== true) problems.push(`--${name} is given more than once`);
      values.set(name, [...former, value]);
    }
  }
  return { values, positionals, problems, help: values.has("help") };
}

/** The text of `--help`. */
export function helpText(spec: CommandSpec): string {
  const rows = [...spec.flags, HELP].map(
    (flag) =>
      [
        `--${flag.name}${flag.value === undefined ? "" : flag.optional === true ? `[=${flag.value}]` : ` ${flag.value}`}${flag.repeatable === true ? "..." : ""}`,
        flag.help,
      ] as const,
  );
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  const lines = rows.map(([left, help]) =>
    left.length > width ? `  ${left}\n  ${" ".repeat(width)}  ${help}` : `  ${left.padEnd(width)}  ${help}`,
  );
  // What begins with another command is a pipe into ours.
  const usage = spec.usage.map((line) => `  ${line.startsWith(spec.name) ? "postern " : ""}${line}`);
  return [
    spec.summary,
    "",
    "Usage:",
    ...usage,
    "",
    "Flags:",
    ...lines,
    ...(spec.notes === undefined ? [] : ["", spec.notes]),
    "",
  ].join("\n");
}

/** What to print for a command line that cannot be used, line by line. */
export function usageError(spec: CommandSpec, problems: readonly string[]): readonly string[] {
  return [...problems.map((problem) => `postern ${spec.name}: ${problem}`), `Try 'postern ${spec.name} --help'.`];
}
