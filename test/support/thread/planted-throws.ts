/** How a test makes one callback of a data-plane thread throw, and which callbacks there are. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One test process has one such channel. */
export const PLANTED_THROWS = "postern-test-throws";

export type PlantedThrow =
  /** From the test: the next call of this callback throws. `fresh`: the first that is about something not seen before. */
  | { readonly kind: "arm"; readonly callback: string; readonly fresh: boolean }
  | { readonly kind: "armed"; readonly callback: string }
  | { readonly kind: "thrown"; readonly callback: string };

const PROXY = join(import.meta.dirname, "../../../src/proxy");

/** The names of all callbacks with a boundary, read from the source. */
export function boundedCallbacks(): readonly string[] {
  const names = globSync("**/*.ts", { cwd: PROXY }).flatMap((file) => namesIn(readFileSync(join(PROXY, file), "utf8")));
  return [...new Set(names)].sort();
}

function namesIn(source: string): readonly string[] {
  // A class that names its callbacks by what it is: contain(`relay ${name}`, ...).
  const prefix = /contain\(\s*`([a-z0-9 -]+)\$\{name\}`/.exec(source)?.[1] ?? "";
  const own = [...source.matchAll(/#contain\(\s*"([^"]+)"/g)].map(([, name]) => prefix + name!);
  const bare = [...source.matchAll(/(?<!#)\bcontain\(\s*"([^"]+)"/g)].map(([, name]) => name!);
  const caught = [...source.matchAll(/\bfaultIn\(\s*"([^"]+)"/g)].map(([, name]) => name!);
  return [...own, ...bare, ...caught];
}
