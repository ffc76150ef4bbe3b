/**
 * Writes package.json's version into src/telemetry/version.ts: `npm version` runs it. `node scripts/source-version.ts [DIR]` works on
 * the two files of DIR.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CONSTANT = /^export const VERSION = "[^"]*";$/m;

const directory = process.argv[2] ?? join(import.meta.dirname, "..");
const file = join(directory, "src/telemetry/version.ts");
const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { readonly version: string };
const text = readFileSync(file, "utf8");
if (!CONSTANT.test(text)) throw new Error(`${file}: expected a line 'export const VERSION = "...";'`);
writeFileSync(file, text.replace(CONSTANT, `export const VERSION = ${JSON.stringify(version)};`));
