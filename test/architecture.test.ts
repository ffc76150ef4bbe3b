import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

test("ARCHITECTURE.md names every folder of src in its code map", () => {
  const page = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const folders = readdirSync(join(root, "src")).filter((name) => statSync(join(root, "src", name)).isDirectory());
  assert.ok(folders.length > 0);
  for (const folder of folders)
    assert.ok(page.includes(`\`src/${folder}\``), `src/${folder} is missing from the code map`);
});

test("README.md begins with what Postern does, then shows the two commands", () => {
  const page = readFileSync(join(root, "README.md"), "utf8");
  const start = page.indexOf("npm ci && npm start");
  const tests = page.indexOf("npm ci && npm test");
  assert.ok(start > 100 && tests > start);
});

test("README.md and the docs link only to files that exist", () => {
  const pages = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ...readdirSync(join(root, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ];
  for (const page of pages) {
    const text = readFileSync(join(root, page), "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      const path = join(root, page, "..", target ?? "");
      assert.ok(
        statSync(path, { throwIfNoEntry: false }) !== undefined,
        `${page} links to ${target}, which does not exist`,
      );
    }
  }
});

test("only main.ts reads the process", () => {
  for (const file of sourceFiles("src")) {
    if (file === join("src", "main.ts")) continue;
    const text = readFileSync(join(root, file), "utf8");
    assert.doesNotMatch(text, /from "(node:)?process"|globalThis\.process/, file);
  }
});
