/**
 * Cuts what is unreleased in CHANGELOG.md into a section of package.json's version, dated today: `npm version` runs it.
 * `node scripts/changelog.ts [DIR]` works on the two files of DIR.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const HEADING = "## Unreleased\n";

const directory = process.argv[2] ?? join(import.meta.dirname, "..");
const file = join(directory, "CHANGELOG.md");
const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { readonly version: string };
const text = readFileSync(file, "utf8");
const start = text.indexOf(HEADING);
const body = start === -1 ? "" : (text.slice(start + HEADING.length).split(/^## /m)[0] ?? "");

if (text.includes(`## ${version} `)) fail(`has a section of ${version} already`);
if (body.trim() === "") fail(`lists nothing under "${HEADING.trim()}": say what ${version} changes for users`);
const today = new Date().toISOString().slice(0, 10);
writeFileSync(
  file,
  text.replace(HEADING, () => `${HEADING}\n## ${version} (${today})\n`),
);

function fail(problem: string): never {
  console.error(`CHANGELOG.md ${problem}`);
  process.exit(1);
}
