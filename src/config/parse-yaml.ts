/** YAML of a configuration file; loaded where there is one. */
import { parse } from "yaml";

/** Aliases are refused: no configuration needs them, and nested ones grow without bound. @throws with the place, on lines that follow the first */
export function parseYaml(text: string): unknown {
  return parse(text, { maxAliasCount: 0 }) as unknown;
}
