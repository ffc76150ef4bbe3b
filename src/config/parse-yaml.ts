/** YAML of a configuration file; loaded where there is one. */
import { parse } from "yaml";

/** Without aliases: no configuration needs them, and they can be a bomb. @throws with the place, on lines that follow the first */
export function parseYaml(text: string): unknown {
  return parse(text, { maxAliasCount: 0 }) as unknown;
}
