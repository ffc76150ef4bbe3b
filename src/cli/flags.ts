/** Flags as a table a command: what parses them also explains them. */

export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** Placeholder of its value; absent for a switch. */
  readonly value?: string;
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

const HELP: Flag = { name: "help", help: "show this text" };

/** Reads `--name value`, `--name=value` and switches; never throws. */
export function parseFlags(spec: CommandSpec, argv: readonly string[]): ParsedFlags {
  const flags = new Map([...spec.flags, HELP].map((flag) => [flag.name, flag]));
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  const problems: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? "";
    if (argument === "-h") {
      values.set("help", [""]);
      continue;
    }
    if (!argument.startsWith("-") || argument === "-") {
      if (spec.positionals === undefined) problems.push(`unexpected argument '${argument}'`);
      else positionals.push(argument);
      continue;
    }
    const [name, inline] = split(argument);
    const flag = argument.startsWith("--") ? flags.get(name) : undefined;
    if (flag === undefined) {
      problems.push(
        `unknown flag '${argument.startsWith("--") ? `--${name}` : argument}'${suggestion(name, [...flags.keys()])}`,
      );
      // Its value, if the next word is one, would only be reported a second time.
      if (inline === undefined && argv[index + 1]?.startsWith("-") === false && spec.positionals === undefined)
        index += 1;
      continue;
    }
    if (flag.value === undefined) {
      if (inline !== undefined) problems.push(`--${name} takes no value, got '${inline}'`);
      values.set(name, [""]);
      continue;
    }
    const value = inline ?? argv[index + 1];
    if (value === undefined || (inline === undefined && value.startsWith("--"))) {
      problems.push(`--${name} needs a value: --${name} ${flag.value}`);
      continue;
    }
    if (inline === undefined) index += 1;
    const former = values.get(name) ?? [];
    if (former.length > 0 && flag.repeatable !== true) problems.push(`--${name} is given more than once`);
    values.set(name, [...former, value]);
  }
  return { values, positionals, problems, help: values.has("help") };
}

/** The text of `--help`. */
export function helpText(spec: CommandSpec): string {
  const rows = [...spec.flags, HELP].map(
    (flag) =>
      [
        `--${flag.name}${flag.value === undefined ? "" : ` ${flag.value}`}${flag.repeatable === true ? "..." : ""}`,
        flag.help,
      ] as const,
  );
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  const lines = rows.map(([left, help]) =>
    left.length > width ? `  ${left}\n  ${" ".repeat(width)}  ${help}` : `  ${left.padEnd(width)}  ${help}`,
  );
  const usage = spec.usage.map((line) => `  postern ${line}`);
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

/** What to print for a command line that cannot be used. */
export function usageError(spec: CommandSpec, problems: readonly string[]): string {
  return `${problems.map((problem) => `postern ${spec.name}: ${problem}`).join("\n")}\nTry 'postern ${spec.name} --help'.\n`;
}

function split(argument: string): readonly [string, string | undefined] {
  const name = argument.replace(/^-+/, "");
  const equals = name.indexOf("=");
  return equals === -1 ? [name, undefined] : [name.slice(0, equals), name.slice(equals + 1)];
}

function suggestion(name: string, known: readonly string[]): string {
  const near = known.find((candidate) => distance(candidate, name) <= 2);
  return near === undefined ? "" : `, did you mean '--${near}'?`;
}

/** Edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
