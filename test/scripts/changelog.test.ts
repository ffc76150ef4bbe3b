import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const SCRIPT = join(import.meta.dirname, "../../scripts/changelog.ts");

function cut(version: string, changelog: string) {
  using directory = temporaryDirectory();
  const file = join(directory.path, "CHANGELOG.md");
  writeFileSync(join(directory.path, "package.json"), JSON.stringify({ version }));
  writeFileSync(file, changelog);
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, directory.path], { encoding: "utf8" });
  return { status, stderr, text: readFileSync(file, "utf8") };
}

test("what is unreleased becomes a dated section of the version, below an empty one", () => {
  const { status, text } = cut("0.2.0", "# Changelog\n\n## Unreleased\n\n- new\n\n## 0.1.0 (2026-01-01)\n\n- old\n");
  assert.equal(status, 0);
  assert.match(
    text,
    /^# Changelog\n\n## Unreleased\n\n## 0\.2\.0 \(\d{4}-\d\d-\d\d\)\n\n- new\n\n## 0\.1\.0 \(2026-01-01\)\n\n- old\n$/,
  );
});

test("a release that changes nothing, or that is there already, is refused and the file left as it is", () => {
  for (const [version, text, says] of [
    ["0.2.0", "## Unreleased\n\n## 0.1.0 (2026-01-01)\n\n- old\n", /lists nothing/],
    ["0.2.0", "# Changelog\n", /lists nothing/],
    ["0.1.0", "## Unreleased\n\n- new\n\n## 0.1.0 (2026-01-01)\n\n- old\n", /has a section of 0\.1\.0/],
  ] as const) {
    const result = cut(version, text);
    assert.deepEqual([result.status, result.text], [1, text]);
    assert.match(result.stderr, says);
  }
});
