import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const ROOT = join(import.meta.dirname, "../..");
const FILE = "src/telemetry/version.ts";

test("the version of package.json is that of the source, and what is no such file is left as it is", () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, FILE);
  const run = () => spawnSync(process.execPath, [join(ROOT, "scripts/source-version.ts"), directory.path]).status;
  cpSync(join(ROOT, FILE), file);
  writeFileSync(join(directory.path, "package.json"), JSON.stringify({ version: "9.8.7" }));
  assert.equal(run(), 0);
  const [comment] = readFileSync(join(ROOT, FILE), "utf8").split("\n");
  assert.equal(readFileSync(file, "utf8"), `${comment}\nexport const VERSION = "9.8.7";\n`);
  writeFileSync(file, "nothing\n");
  assert.notEqual(run(), 0);
  assert.equal(readFileSync(file, "utf8"), "nothing\n");
});
