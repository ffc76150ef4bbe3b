/**
 * Holds every import in src against the table in layers.ts: `node scripts/check-layers.ts` prints one line for each that
 * it refuses and exits with 1. Paths are resolved, so the depth of a file and the way a path is written make no difference.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { LAYERS } from "./layers.ts";

const root = join(import.meta.dirname, "..");
const src = join(root, "src");

/** `from "./x"`, `import "./x"`, `import("./x")`, as values and as types. */
const IMPORT = /\b(?:from|import)\s*\(?\s*(["'`])(\.{1,2}\/[^"'`\n]*)\1/g;
/** Any other text that names a TypeScript file by its relative path, such as the one that a worker starts from. */
const FILE_NAME = /(["'`])(\.{1,2}\/[^"'`\n]*\.[cm]?ts)\1/g;
/** An import whose path is written with escapes: what it names is not what is read here. */
const ESCAPED = /(?:(?<![.\w])from|\bimport\s*\(?)(?:\s|\/\*[^]*?\*\/|\/\/[^\n]*\n)*(["'`])[^"'`\n]*\\/g;
/** A path that is put together while the program runs cannot be held against a table. */
const COMPUTED = /\bimport\(\s*(?!["']|\s)/g;

/** The row that a file belongs to; `undefined` for a folder or a top file that the table does not name. */
function rowOf(file: string): string | undefined {
  const folder = dirname(file);
  const row = folder === "." ? file : folder;
  return Object.hasOwn(LAYERS, row) ? row : undefined;
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** @param file relative to src, with forward slashes */
function problemsOf(file: string, files: ReadonlySet<string>): readonly string[] {
  const row = rowOf(file);
  if (row === undefined) return [`src/${file}: no row of scripts/layers.ts holds this file; add its folder there`];
  const allowed = LAYERS[row] ?? [];
  const text = readFileSync(join(src, file), "utf8");
  const place = (index: number): string => `src/${file}:${lineAt(text, index)}`;
  const problems = [
    ...[...text.matchAll(COMPUTED)].map(
      ({ index }) => `${place(index)}: import() of a computed path; name the file in quotes`,
    ),
    ...[...text.matchAll(ESCAPED)].map(
      ({ index }) => `${place(index)}: import of a path with escapes; write the path without a backslash`,
    ),
  ];
  const found = new Map([...text.matchAll(IMPORT), ...text.matchAll(FILE_NAME)].map((match) => [match[2]!, match]));
  for (const [path, { index }] of found) {
    const target = relative(src, resolve(src, dirname(file), path))
      .split(sep)
      .join("/");
    if (!files.has(target)) {
      problems.push(`${place(index)}: "${path}" is no file of src; name one, with its ending .ts`);
      continue;
    }
    const to = rowOf(target);
    if (to === row || allowed.includes(target) || (to !== undefined && allowed.includes(to))) continue;
    problems.push(
      `${place(index)}: src/${row} must not import src/${target}; scripts/layers.ts allows it ${allowed.join(", ") || "nothing"}`,
    );
  }
  return problems;
}

interface Entry {
  /** Relative to src, with forward slashes. */
  readonly name: string;
  readonly isLink: boolean;
}

/** Everything below src that is no folder; links are not followed. */
function entriesOf(folder: string): readonly Entry[] {
  return readdirSync(join(src, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? entriesOf(name) : [{ name, isLink: entry.isSymbolicLink() }];
  });
}

const entries = entriesOf("");
/** What is imported through a link has two paths, and the table would be asked about the wrong one. */
const links = entries.filter(({ isLink }) => isLink).map(({ name }) => name);
const files = new Set(
  entries.filter(({ name, isLink }) => !isLink && /\.[cm]?[jt]sx?$/.test(name)).map(({ name }) => name),
);
const problems = [
  ...links.sort().map((link) => `src/${link}: a symbolic link; put the file itself where it belongs`),
  ...[...files].sort().flatMap((file) => problemsOf(file, files)),
];
for (const problem of problems) console.error(problem);
if (files.size === 0) console.error(`no source files in ${src}`);
process.exitCode = problems.length === 0 && files.size > 0 ? 0 : 1;
