import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import packageJson from "../../package.json" with { type: "json" };
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const ROOT = join(import.meta.dirname, "../..");
const SOURCE = "src/telemetry/version.ts";
const KIT = "conformance/package.json";

test("the version of package.json is that of the source and of the conformance kit", () => {
  using directory = temporaryDirectory();
  for (const file of [SOURCE, KIT]) cpSync(join(ROOT, file), join(directory.path, file));
  const run = () => spawnSync(process.execPath, [join(ROOT, "scripts/source-version.ts"), directory.path]).status;
  const read = (file: string) => readFileSync(join(directory.path, file), "utf8");
  const kit = JSON.parse(read(KIT)) as object;
  writeFileSync(join(directory.path, "package.json"), JSON.stringify({ version: "9.8.7" }));
  assert.equal(run(), 0);
  const [comment] = readFileSync(join(ROOT, SOURCE), "utf8").split("\n");
  assert.equal(read(SOURCE), `${comment}\nexport const VERSION = "9.8.7";\n`);
  assert.deepEqual(JSON.parse(read(KIT)), { ...kit, version: "9.8.7" });

  writeFileSync(join(directory.path, "package.json"), JSON.stringify({ version: "9.9.9" }));
  writeFileSync(join(directory.path, KIT), "nothing\n");
  assert.notEqual(run(), 0);
  assert.match(read(SOURCE), /"9\.8\.7"/);
  assert.equal(read(KIT), "nothing\n");
});

test("`npm version` commits every file that repeats the version, and each has that of package.json", () => {
  for (const file of [SOURCE, KIT]) {
    assert.ok(packageJson.scripts.version.includes(` ${file}`), file);
    assert.ok(readFileSync(join(ROOT, file), "utf8").includes(`"${packageJson.version}"`), file);
  }
});
