/** Where settings come from: flags win over the environment, the environment over the file that `--config` names. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readTextFile } from "../files/read-text.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Config } from "./config.ts";
import { ConfigError, parseConfig, type Surroundings } from "./parse.ts";
import type { RawSetting, RawSettings } from "./settings-reader.ts";
import { envName, LIMIT_SETTINGS, SETTINGS, type Setting } from "./settings.ts";

export interface ConfigInput {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of the configuration file. */
  readonly file?: string;
}

const ALL: readonly Setting[] = [...SETTINGS, ...LIMIT_SETTINGS];

/**
 * The whole configuration. What is misspelt in one place hides no value that is wrong in another.
 *
 * @throws ConfigError with every problem
 */
export async function readConfig(input: ConfigInput, surroundings: Surroundings): Promise<Config> {
  const { settings, problems } = await collectSettings(input);
  try {
    const config = parseConfig(settings, surroundings);
    if (problems.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError([...problems, ...error.problems]);
  }
  throw new ConfigError(problems);
}

/** @throws ConfigError for a file that cannot be read, unknown keys in it, and unknown POSTERN_ variables */
export async function readSettings(input: ConfigInput): Promise<RawSettings> {
  const { settings, problems } = await collectSettings(input);
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

/** @throws ConfigError for a file that cannot be read: whatever else is wrong may be for the lack of it */
async function collectSettings(
  input: ConfigInput,
): Promise<{ readonly settings: RawSettings; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const fromFile =
    input.file === undefined ? new Map<string, RawSetting>() : await readSettingsFile(input.file, problems);
  const fromEnv = readEnvironment(input.env, problems);
  const fromFlags = new Map(
    [...input.flags].map(([name, texts]): [string, RawSetting] => [name, { texts, origin: `--${name}` }]),
  );
  return { settings: new Map([...fromFile, ...fromEnv, ...fromFlags]), problems };
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
      problems.push(`environment variable ${name} is no setting${didYouMean(name, [...known])}`);
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
  const content = await readYaml(path);
  if (content === null) return new Map();
  if (typeof content !== "object" || Array.isArray(content)) {
    throw new ConfigError([`--config ${path} holds no settings: expected 'name: value' lines, named as the flags are`]);
  }
  const settings = new Map<string, RawSetting>();
  for (const [name, value] of Object.entries(content)) {
    const setting = ALL.find((candidate) => candidate.name === name);
    if (setting === undefined) {
      const known = ALL.map((one) => one.name);
      const named = didYouMean(name, known, "keys are named as the flags are");
      problems.push(`--config ${path}: unknown key '${name}'${named}`);
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

async function readYaml(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    throw new ConfigError([`--config ${path} cannot be read: ${wordsOfFailure(error)}`]);
  }
  // In a pod there is no file as a rule, and nothing else of it reads YAML.
  const { parseYaml } = await import("./parse-yaml.ts");
  try {
    return parseYaml(text);
  } catch (error) {
    // The rest shows the place, which is named.
    const [problem = ""] = wordsOfFailure(error).split("\n", 1);
    throw new ConfigError([`--config ${path} is no YAML: ${problem.replace(/:$/, "")}`]);
  }
}

function textsOf(value: unknown): readonly string[] | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.every((part) => ["string", "number", "boolean"].includes(typeof part)) ? values.map(String) : undefined;
}
