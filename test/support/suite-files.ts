/** The files that a runner of suites is told by its arguments. */
import { globSync } from "node:fs";
import { parseArgs } from "node:util";

/**
 * @param all pattern of the files that are meant where none is named
 * @throws when an argument is an option, or a file or pattern that is not there
 */
export function suiteFiles(args: readonly string[], all: string): readonly string[] {
  const { positionals } = parseArgs({ args: [...args], options: {}, allowPositionals: true });
  const files = (positionals.length > 0 ? positionals : [all]).flatMap((pattern) => {
    const found = globSync(pattern);
    if (found.length === 0) throw new Error(`there is no file ${pattern}`);
    return found;
  });
  return files.toSorted();
}
