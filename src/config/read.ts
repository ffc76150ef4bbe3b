/** Where settings come from: flags win over the environment, the environment over the file that `--config` names. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readTextFile } from "../files/read-text.ts";
import { didYouMean } from "./did-you-mean.ts";
import { ConfigError } from "./parse.ts";
import type { RawSetting, RawSettings } from "./settings-reader.ts";
import { envName, LIMIT_SETTINGS, SETTINGS, type Setting } from "./settings.ts";

export interface ConfigInput {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of the configuration file. */
  readonly file?: string;
}

const ALL: readonly Setting[] = [...SETTINGS, ...LIMIT_SETTINGS];

/** @throws ConfigError for a file that cannot be read, unknown keys in it, and unknown POSTERN_ variables */
export async function readSettings(input: ConfigInput): Promise<RawSettings> {
  const problems: string[] = [];
  const fromFile =
    input.file === undefined ? new Map<string, RawSetting>() : await readSettingsFile(input.file, problems);
  const fromEnv = readEnvironment(input.env, problems);
  const fromFlags = new Map(
    [...input.flags].map(([name, texts]): [string, RawSetting] => [name, { texts, origin: `--${name}` }]),
  );
  if (problems.length > 0) throw new ConfigError(problems);
  return new Map([...fromFile, ...fromEnv, ...fromFlags]);
}

function readEnvironment(env: ConfigInput["env"], problems: string[]): ReadonlyMap<string, RawSetting> {
  const settings = new Map<string, RawSetting>();
  for (const setting of ALL) {
    for (const name of [...(setting.env ?? []).toReversed(), envName(setting.name)]) {
      const text = env[name];
      if (text === undefined || text === "") continue;
      settings.set(setting.name, { texts: setting.repeatable === true ? splitList(text) : [text], origin: name });
    }
  }
  const known = new Set([...ALL.map((setting) => envName(setting.name)), envName("config")]);
  for (const name of Object.keys(env)) {
    // Kubernetes itself makes POSTERN_SERVICE_HOST and POSTERN_PORT_... for a Service that is called postern.
    if (
      name.startsWith("POSTERN_") &&
      !known.has(name) &&
      !/^POSTERN_(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/.test(name)
    ) {
      problems.push(
        `environment variable ${name} is no setting${didYouMean(name, [...known])}; see 'postern run --help' for the names`,
      );
    }
  }
  return settings;
}

/** Values of `--backend` hold commas, so lists are separated by semicolons. */
function splitList(text: string): readonly string[] {
  return text
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

async function readSettingsFile(path: string, problems: string[]): Promise<ReadonlyMap<string, RawSetting>> {
  let content: unknown;
  // In a pod there is no file as a rule, and nothing else of it reads YAML.
  const { parse: parseYaml } = await import("yaml");
  try {
    content = parseYaml(await readTextFile(path), { maxAliasCount: 0 });
  } catch (error) {
    problems.push(`--config ${path} cannot be read: ${wordsOfFailure(error)}`);
    return new Map();
  }
  if (content === null) return new Map();
  if (typeof content !== "object" || Array.isArray(content)) {
    problems.push(`--config ${path} holds no settings: expected 'name: value' lines, named as the flags are`);
    return new Map();
  }
  const settings = new Map<string, RawSetting>();
  for (const [name, value] of Object.entries(content)) {
    const setting = ALL.find((candidate) => candidate.name === name);
    if (setting === undefined) {
      const near = didYouMean(
        name,
        ALL.map((known) => known.name),
      );
      problems.push(
        `--config ${path}: unknown key '${name}'${near}; keys are named as the flags of 'postern run --help' are`,
      );
      continue;
    }
    const texts = textsOf(value);
    if (texts === undefined || (texts.length !== 1 && setting.repeatable !== true)) {
      problems.push(
        `--config ${path}: '${name}' must be ${setting.repeatable === true ? "a value or a list of values" : "one value"}`,
      );
    } else settings.set(name, { texts, origin: `'${name}' in ${path}` });
  }
  return settings;
}

function textsOf(value: unknown): readonly string[] | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.every((part) => ["string", "number", "boolean"].includes(typeof part)) ? values.map(String) : undefined;
}
