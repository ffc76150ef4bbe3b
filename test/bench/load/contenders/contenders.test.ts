import assert from "node:assert/strict";
import { test } from "node:test";
import { contenders } from "../../../../bench/load/contenders/contenders.ts";
import type { PosternBuild } from "../../../../bench/load/contenders/postern.ts";

const build = (suffix: string): PosternBuild => ({ suffix, node: process.execPath, checkout: "." });
const names = (builds: readonly PosternBuild[], only: readonly string[]): readonly string[] =>
  contenders(builds, only).map(({ name }) => name);

test("contenders() gives all of them, each once", () => {
  const all = names([build("")], []);
  assert.equal(new Set(all).size, all.length);
  for (const name of ["postern", "postern-log", "postern-stream", "nginx", "haproxy", "envoy", "ghostunnel"])
    assert.ok(all.includes(name), name);
});

test("contenders() gives every build of a family that is asked for, or the one that is named", () => {
  const builds = [build("@v24"), build("@v26")];
  assert.deepEqual(names(builds, ["postern", "nginx"]), ["postern@v24", "postern@v26", "nginx"]);
  assert.deepEqual(names(builds, ["postern-log@v26"]), ["postern-log@v26"]);
});

test("contenders() refuses a name that is none", () => {
  assert.throws(() => contenders([build("")], ["apache"]), /apache; expected one of postern/);
});
