import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { buildsOf, suffixes } from "../../../bench/load/builds.ts";

test("the only build needs no name", () => {
  const [build, ...others] = buildsOf({ nodes: [], checkouts: [] });
  assert.deepEqual([build?.suffix, build?.node, others.length], ["", process.execPath, 0]);
});

test("builds are named by what tells them apart, and never alike", () => {
  assert.deepEqual(suffixes(["/a/main", "/a/next"], basename), ["@main", "@next"]);
  assert.deepEqual(suffixes(["/a/node", "/b/node"], basename), ["@node-1", "@node-2"]);
});

test("a Node that cannot be run is refused", () => {
  assert.throws(() => buildsOf({ nodes: ["/nowhere/node", process.execPath], checkouts: [] }), /ENOENT/);
});
