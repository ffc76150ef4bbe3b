/** The texts of settings as one reader, which notes every problem with the name that its setting was given by. */
import { Unusable, type Read } from "./values.ts";

/** The texts of one setting and where they stand, e.g. `--max-stale` or `POSTERN_MAX_STALE`. */
export interface RawSetting {
  readonly texts: readonly string[];
  readonly origin: string;
}

export type RawSettings = ReadonlyMap<string, RawSetting>;

export class SettingsReader {
  readonly problems: string[] = [];
  readonly #raw: RawSettings;

  constructor(raw: RawSettings) {
    this.#raw = raw;
  }

  problem(text: string): void {
    this.problems.push(text);
  }

  origin(name: string): string {
    return this.#raw.get(name)?.origin ?? `--${name}`;
  }

  has(name: string): boolean {
    return this.#raw.has(name);
  }

  all(name: string): readonly string[] {
    return this.#raw.get(name)?.texts ?? [];
  }

  text(name: string): string | undefined {
    const [text] = this.all(name);
    if (text === "") this.problem(`${this.origin(name)} is empty: give a value or leave it out`);
    return text;
  }

  one<Value>(name: string, read: (text: string) => Read<Value>): Value | undefined {
    const [text] = this.all(name);
    return text === undefined ? undefined : this.check(name, text, read(text));
  }

  check<Value>(name: string, text: string, value: Read<Value>): Value | undefined {
    if (!(value instanceof Unusable)) return value;
    this.problem(`${this.origin(name)} has the value '${text}'; expected ${value.expected}`);
    return undefined;
  }
}
