import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";
import { reportOf } from "./fixtures.ts";

const RUN = join(import.meta.dirname, "../../../bench/run.ts");

function report(folder: string, ...args: readonly string[]) {
  const env = { ...process.env, BENCH_RESULTS: join(folder, "results"), INIT_CWD: folder };
  return spawnSync(process.execPath, [RUN, "report", ...args], { encoding: "utf8", timeout: 60_000, env });
}

test("--from makes the pages beside the file, under its name, and writes no figures", () => {
  using folder = temporaryDirectory();
  const text = JSON.stringify(reportOf("micro.json", "start.json"));
  writeFileSync(join(folder.path, "kept.json"), text);
  const { status, stderr } = report(folder.path, "--from", "kept.json");
  assert.equal(status, 0, stderr);
  assert.deepEqual(readdirSync(folder.path).toSorted(), ["kept", "kept.html", "kept.json", "kept.md"]);
  assert.equal(readFileSync(join(folder.path, "kept.json"), "utf8"), text);
  assert.match(readFileSync(join(folder.path, "kept.md"), "utf8"), /\(kept\/endpoints\.svg\)/);
});

test("--from several results of suites makes the pages under the name of the first", () => {
  using folder = temporaryDirectory();
  for (const name of ["micro.json", "start.json"])
    copyFileSync(join(import.meta.dirname, "results", name), join(folder.path, name));
  const { status, stderr } = report(folder.path, "--from", "start.json,micro.json");
  assert.equal(status, 0, stderr);
  const names = ["micro.json", "start", "start.html", "start.json", "start.md"];
  assert.deepEqual(readdirSync(folder.path).toSorted(), names);
});

test("--from what is no file of figures, and --against what is no commit, are said without a stack and end with 2", () => {
  using folder = temporaryDirectory();
  writeFileSync(join(folder.path, "load.json"), `{"bench":"load"}`);
  writeFileSync(join(folder.path, "empty.json"), "");
  writeFileSync(join(folder.path, "README.md"), "# Postern");
  for (const [args, said] of [
    [["--from", "/nonexistent.json"], /^ENOENT: no such file or directory, open '\/nonexistent\.json'/],
    [["--from", "README.md"], /^--from is 'README\.md'; expected names that end with \.json/],
    [["--from", "load.json"], /^load\.json is no file of figures: machine is no object/],
    [["--from", "empty.json"], /^empty\.json is no file of figures: Unexpected end of JSON input/],
    [["--against", "nosuchrev"], /^--against is 'nosuchrev'; expected a commit/],
  ] as const) {
    const { status, stdout, stderr } = report(folder.path, ...args);
    assert.equal(status, 2, args.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, said);
    assert.equal(stderr.split("\n")[1], "--help shows what is expected");
  }
  assert.deepEqual(readdirSync(folder.path).toSorted(), ["README.md", "empty.json", "load.json"]);
});
