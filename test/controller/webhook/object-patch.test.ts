import assert from "node:assert/strict";
import { test } from "node:test";
import { objectPatch } from "../../../src/controller/webhook/object-patch.ts";

test("a patch names the members that differ, and no others", () => {
  const before = { metadata: { name: "a", labels: { x: "y" } }, spec: { containers: [1], old: true }, status: {} };
  const after = {
    metadata: { name: "a", labels: { x: "y" }, annotations: { "a/b~c": "1" } },
    spec: { containers: [1, 2], "odd/~name": 1 },
    status: { ignored: true },
  };
  assert.deepEqual(objectPatch(before, after), [
    { op: "add", path: "/metadata/annotations", value: { "a/b~c": "1" } },
    { op: "add", path: "/spec/containers", value: [1, 2] },
    { op: "add", path: "/spec/odd~1~0name", value: 1 },
    { op: "remove", path: "/spec/old" },
  ]);
  assert.deepEqual(objectPatch(before, before), []);
});
