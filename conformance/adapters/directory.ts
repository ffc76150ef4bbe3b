/** A directory of manifests that the implementation follows: one file, replaced as an editor replaces one. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { World } from "./world.ts";

/** @param path is made, and holds nothing else */
export function directoryWorld(path: string): World {
  mkdirSync(path);
  return {
    env: { CONFORMANCE_MANIFESTS: path },
    obstacle: () => undefined,
    put: async (objects) => {
      const partial = join(path, ".objects.partial");
      // JSON is YAML.
      writeFileSync(partial, objects.map((object) => JSON.stringify(object)).join("\n---\n"));
      renameSync(partial, join(path, "objects.yaml"));
    },
    [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true }),
  };
}
