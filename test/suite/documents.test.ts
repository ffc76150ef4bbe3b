/** What the documents at the root name is there. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import packageJson from "../../package.json" with { type: "json" };

const root = join(import.meta.dirname, "../..");
const read = (name: string): string => readFileSync(join(root, name), "utf8");

test("every file of ours that a document names exists", () => {
  const files = globSync(["*", "{src,test,scripts,config,bench,conformance}/**/*.*"], { cwd: root }).map(
    (file) => `/${file}`,
  );
  for (const page of ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]) {
    const named = [...read(page).matchAll(/`(\w[\w./-]*\.(?:ts|yaml|md|json))`/g)].map(([, name = ""]) => name);
    assert.ok(named.length > 0, page);
    // A table of inner folders names files without the path to them.
    for (const name of named)
      assert.ok(
        files.some((file) => file.endsWith(`/${name}`)),
        `${page} names ${name}, which is not there`,
      );
  }
});

test(".nvmrc is the pinned Node, and package.json takes its line from there on", () => {
  const pinned = packageJson.devDependencies.node;
  assert.equal(read(".nvmrc").trim(), pinned);
  assert.equal(packageJson.engines.node, `>=${pinned} <${Number.parseInt(pinned, 10) + 1}`);
});

test("CONTRIBUTING.md knows every script", () => {
  const page = read("CONTRIBUTING.md");
  for (const script of Object.keys(packageJson.scripts)) {
    const command = ["start", "test"].includes(script) ? `npm ${script}` : `npm run ${script}`;
    assert.ok(page.includes(`\`${command}`), `${command} is missing`);
  }
});
