/** Where a test stands, as ARCHITECTURE.md says it. */
import assert from "node:assert/strict";
import { globSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

/** Folders of tests that are of no one folder of the sources. */
const OF_THE_WHOLE: ReadonlySet<string> = new Set(["behaviour", "conformance", "security", "suite"]);

const BESIDE_SRC: ReadonlySet<string> = new Set(["scripts", "bench"]);

const tests = globSync("test/*/**/*.test.ts", { cwd: root }).filter((path) => !OF_THE_WHOLE.has(folderOf(path)));
const sources = globSync(["src/**/*.ts", "scripts/**/*.ts", "bench/{*,!(node_modules)/**/*}.ts"], { cwd: root });

function folderOf(path: string): string {
  return relative("test", path).split("/")[0] ?? "";
}

const isThere = (path: string): boolean => statSync(join(root, path), { throwIfNoEntry: false }) !== undefined;

/** `test/a/b.test.ts` is of `src/a/b.ts`, or of the folder `src/a`; `scripts` and `bench` stand beside `src`. */
function mirrored(path: string): string {
  const inner = relative("test", path).replace(/(?:\.slow)?\.test\.ts$/, ".ts");
  return BESIDE_SRC.has(folderOf(path)) ? inner : join("src", inner);
}

test("every test mirrors a file or folder of the sources, or stands in a folder of tests of the whole", () => {
  assert.ok(tests.length > 0 && sources.length > 0);
  for (const path of tests)
    assert.ok(isThere(dirname(mirrored(path))), `${path}: there is no folder ${dirname(mirrored(path))}`);
});

test("a test that has the name of a source file stands where that file stands", () => {
  for (const path of tests) {
    const source = mirrored(path);
    const namesakes = sources.filter((candidate) => basename(candidate) === basename(source));
    assert.ok(
      namesakes.length === 0 || namesakes.includes(source),
      `${path} has the name of ${namesakes.join(", ")}: move it to the same path below test, or give it another name`,
    );
  }
});

test("ARCHITECTURE.md names every folder of test and every folder of src/proxy", () => {
  const page = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  for (const folder of globSync("src/proxy/*/**/", { cwd: root })) {
    const inner = `${relative("src/proxy", folder)}/`;
    assert.ok(page.includes(`\`${inner}\``), `ARCHITECTURE.md does not say what lives in src/proxy/${inner}`);
  }
  for (const folder of globSync("test/*/", { cwd: root })) {
    const name = basename(folder);
    const named = OF_THE_WHOLE.has(name) || !isThere(join("src", name));
    if (named) assert.ok(page.includes(`\`${name}/\``), `ARCHITECTURE.md does not say what stands in test/${name}`);
  }
});
