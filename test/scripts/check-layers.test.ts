import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { LAYERS } from "../../scripts/layers.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const root = join(import.meta.dirname, "../..");
const rows = Object.keys(LAYERS);
const isFile = (row: string): boolean => row.endsWith(".ts");

/** The steps of `npm run check`, in order. */
const steps = (
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { check: string } }
).scripts.check
  .split("&&")
  .map((step) => step.trim());

/** The tree as `npm run check` sees it, elsewhere: nothing is planted in the live one. */
function copyOfTree(): Disposable & { readonly path: string } {
  const copy = temporaryDirectory();
  for (const name of ["src", "scripts", "package.json", "tsconfig.json", ".oxlintrc.json"])
    cpSync(join(root, name), join(copy.path, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy.path, "node_modules"));
  return copy;
}

/** Runs the step of `npm run check` that begins with this command, with the arguments that it has there. */
function runStep(
  copy: string,
  command: string,
  ...more: readonly string[]
): { readonly status: number; readonly text: string } {
  const step = steps.find((text) => text.startsWith(command));
  assert.ok(step !== undefined, `npm run check has no step '${command}': ${steps.join(" && ")}`);
  const [name = "", ...rest] = step.split(" ");
  const { status, stdout, stderr } = spawnSync(
    name === "node" ? process.execPath : join(root, "node_modules/.bin", name),
    [...rest, ...more],
    {
      cwd: copy,
      encoding: "utf8",
      timeout: 60_000,
    },
  );
  return { status: status ?? -1, text: `${stdout}${stderr}` };
}

const checkLayers = (copy: string): ReturnType<typeof runStep> => runStep(copy, "node scripts/check-layers.ts");

/** One file of each row of the table that this one must not import. */
function forbiddenFor(row: string): readonly string[] {
  const allowed = LAYERS[row] ?? [];
  return rows
    .filter((other) => other !== row && !allowed.includes(other))
    .map((other) => (isFile(other) ? other : `${other}/${fileIn(other, allowed)}`));
}

function fileIn(row: string, allowed: readonly string[]): string {
  const name = readdirSync(join(root, "src", row)).find((file) => isFile(file) && !allowed.includes(`${row}/${file}`));
  return name ?? assert.fail(`src/${row} holds no file that could be refused`);
}

function pathTo(target: string, from: string): string {
  const path = relative(dirname(from), target);
  return path.startsWith(".") ? path : `./${path}`;
}

test("the tree keeps to the table of layers", () => {
  using copy = copyOfTree();
  assert.deepEqual(checkLayers(copy.path), { status: 0, text: "" });
});

test("every folder of src that holds a file has a row in the table, and no row is without a file", () => {
  const source = join(root, "src");
  const folders = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(source, name)).isFile())
    .map((name) => (dirname(name) === "." ? name : dirname(name)));
  assert.deepEqual([...new Set(folders)].sort(), [...rows].sort());
});

test("in every folder of src an import of each folder that its row leaves out is refused, though of types only", (t) => {
  using copy = copyOfTree();
  for (const row of rows) {
    const planted = isFile(row) ? row : `${row}/planted.ts`;
    const lines = forbiddenFor(row).map((target) => `export type * from "${pathTo(target, planted)}";\n`);
    appendFileSync(join(copy.path, "src", planted), `\n${lines.join("")}`);
  }
  const { status, text } = checkLayers(copy.path);
  assert.equal(status, 1);
  for (const row of rows) {
    const targets = forbiddenFor(row);
    const refused = targets.filter((target) => text.includes(`src/${row} must not import src/${target};`));
    t.diagnostic(`src/${row.padEnd(20)} refused ${refused.length} of ${targets.length}`);
    assert.ok(targets.length > 0, `src/${row} may import everything`);
    assert.deepEqual({ row, refused }, { row, refused: targets });
  }
  const planted = rows.flatMap((row) => forbiddenFor(row)).length;
  assert.equal(text.trim().split("\n").length, planted, "nothing else is refused");
});

test("every way to write an import is refused, from the deepest folder", () => {
  using copy = copyOfTree();
  const folder = join(copy.path, "src/proxy/http/http1");
  const path = "../../../discovery/discovery.ts";
  const forms = [
    `import { a } from "${path}";`,
    `import type { Discovery } from '${path}';`,
    `import "${path}";`,
    `import {\n  type Discovery,\n}\n  from\n  "${path}";`,
    `export { a } from "${path}";`,
    `export * from "${path}";`,
    `type A = import("${path}").Discovery;`,
    `const a = await import(\n  "${path}",\n);`,
    `const a = await import("../../../../src/discovery/discovery.ts");`,
    `import type { Discovery } from "../../../discovery/discovery.js";`,
    `const a = await import(\`${path}\`);`,
    `const a = await import(name);`,
    `const a = new Worker(new URL("${path}", import.meta.url));`,
    `import { freePort } from "../../../../test/support/process/ports.ts";`,
  ];
  for (const [index, form] of forms.entries()) writeFileSync(join(folder, `planted-${index}.ts`), `${form}\n`);
  const { status, text } = checkLayers(copy.path);
  assert.equal(status, 1);
  for (const [index, form] of forms.entries())
    assert.match(text, new RegExp(`^src/proxy/http/http1/planted-${index}\\.ts:\\d+: `, "m"), form);
});

test("a path that is written with escapes is refused, in each place where a file can be named", () => {
  using copy = copyOfTree();
  const folder = join(copy.path, "src/proxy/http/http1");
  const forms = [
    String.raw`import { a } from "../../../\x64iscovery/discovery.ts";`,
    String.raw`import type { Discovery } from "\x2e./../../discovery/discovery.ts";`,
    String.raw`import "\u002e./../../discovery/discovery.ts";`,
    String.raw`export * from /* here */ "\u{2e}./../../discovery/discovery.ts";`,
    String.raw`const a = await import("\x2e./../../discovery/discovery.ts");`,
    String.raw`const a = await import("..\/../../discovery/discovery.ts");`,
    String.raw`type A = import("\x2e./../../discovery/discovery.ts").Discovery;`,
    String.raw`import { env } from "node:\x70rocess";`,
  ];
  for (const [index, form] of forms.entries()) writeFileSync(join(folder, `planted-${index}.ts`), `${form}\n`);
  const { status, text } = checkLayers(copy.path);
  assert.equal(status, 1);
  for (const [index, form] of forms.entries())
    assert.match(
      text,
      new RegExp(`^src/proxy/http/http1/planted-${index}\\.ts:1: import of a path with escapes`, "m"),
      form,
    );
});

test("a symbolic link in src is refused, to a file or to a folder, inside src or out of it", () => {
  using copy = copyOfTree();
  const links = {
    "policy/planted.ts": "../discovery/discovery.ts",
    "policy/planted": "../discovery",
    "planted.ts": "../scripts/layers.ts",
    "proxy/nowhere": "./nothing",
  };
  for (const [link, target] of Object.entries(links)) symlinkSync(target, join(copy.path, "src", link));
  const { status, text } = checkLayers(copy.path);
  assert.equal(status, 1);
  assert.deepEqual(
    text.trim().split("\n"),
    Object.keys(links)
      .sort()
      .map((link) => `src/${link}: a symbolic link; put the file itself where it belongs`),
  );
});

test("a folder that the table does not name is refused", () => {
  using copy = copyOfTree();
  cpSync(join(copy.path, "src/pki"), join(copy.path, "src/proxy/planted"), { recursive: true });
  writeFileSync(join(copy.path, "src/planted.ts"), "export {};\n");
  const { status, text } = checkLayers(copy.path);
  assert.equal(status, 1);
  assert.match(text, /src\/planted\.ts: no row of scripts\/layers\.ts holds this file/);
  assert.match(text, /src\/proxy\/planted\/\w+\.ts: no row/);
});

test("rows of the table stand in order of dependency, so that they form no circle", () => {
  for (const [index, row] of rows.entries()) {
    for (const name of LAYERS[row] ?? []) {
      const at = rows.indexOf(isFile(name) && !rows.includes(name) ? dirname(name) : name);
      assert.notEqual(at, -1, `the row ${row} names ${name}, which has no row`);
      if (at < index) continue;
      assert.ok(isFile(name), `the row ${row} names ${name}, which stands after it`);
      const text = readFileSync(join(root, "src", name), "utf8");
      assert.doesNotMatch(text, /from "\./, `${name} is named from below and imports a file of ours`);
    }
  }
});

test("policy imports no module, and nothing but main.ts the process", () => {
  using copy = copyOfTree();
  const planted = [
    ["policy", `import { readFileSync } from "node:fs";`],
    ["policy", `import { connect } from "node:net";`],
    ["policy", `import fs from "fs";`],
    ["policy", `import { readFile } from "node:fs/promises";`],
    ["policy", `import { LRUCache } from "lru-cache";`],
    ["proxy/http/http1", `import { env } from "node:process";`],
    ["discovery/kubernetes", `import { env } from "process";`],
    ["cli", `export const { env } = process;`],
    ["cli", `export const { env } = globalThis.process;`],
    ["proxy/thread", `export const { env } = globalThis["process"];`],
    ["proxy/thread", `export const { env } = global.process;`],
  ] as const;
  const names = planted.map(([folder], index) => `src/${folder}/planted-${index}.ts`);
  for (const [index, [, line]] of planted.entries()) writeFileSync(join(copy.path, names[index] ?? ""), `${line}\n`);
  const { status, text } = runStep(copy.path, "oxlint", "--format=unix", ...names);
  assert.equal(status, 1);
  for (const [index, [folder, line]] of planted.entries()) {
    const refusal = text
      .split("\n")
      .some(
        (row) => row.includes(`src/${folder}/planted-${index}.ts:`) && /no-restricted-(?:imports|globals)/.test(row),
      );
    assert.ok(refusal, `${line} in src/${folder} is not refused`);
  }
});

test("a circle of imports is refused, though of types only and across folders", () => {
  using copy = copyOfTree();
  const circle = ["src/discovery/planted-a.ts", "src/discovery/manifests/planted-b.ts", "src/discovery/planted-c.ts"];
  for (const [index, name] of circle.entries()) {
    const next = circle[(index + 1) % circle.length] ?? "";
    writeFileSync(
      join(copy.path, name),
      `import type { A as B } from "${pathTo(next, name)}";\nexport interface A {\n  readonly b?: B;\n}\n`,
    );
  }
  const { status, text } = runStep(copy.path, "oxlint", "--format=unix", ...circle);
  assert.equal(status, 1);
  for (const name of circle)
    assert.ok(
      text.split("\n").some((row) => row.includes(`${name}:`) && row.includes("no-cycle")),
      `${name} stands in a circle that is not refused: ${text}`,
    );
});
