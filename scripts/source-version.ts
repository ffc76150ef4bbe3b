/**
 * Writes package.json's version to where it is repeated, into src/telemetry/version.ts and conformance/package.json: `npm version`
 * runs it. `node scripts/source-version.ts [DIR]` works on the files of DIR.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2] ?? join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(directory, file), "utf8");
const { version } = JSON.parse(read("package.json")) as { readonly version: string };

/** Each with the one line that repeats it. */
const REPEATED = [
  ["src/telemetry/version.ts", /^export const VERSION = "[^"]*";$/m, `export const VERSION = "${version}";`],
  ["conformance/package.json", /^ {2}"version": "[^"]*",$/m, `  "version": "${version}",`],
] as const;

// All are read before the first is written: none is left behind by another that is not as expected.
const written = REPEATED.map(([file, line, replacement]) => {
  const text = read(file);
  if (!line.test(text)) throw new Error(`${join(directory, file)}: expected a line like '${replacement}'`);
  return [file, text.replace(line, () => replacement)] as const;
});
for (const [file, text] of written) writeFileSync(join(directory, file), text);
