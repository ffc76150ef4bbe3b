import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifest } from "../../../src/discovery/manifests/documents.ts";

test("a List of more objects than a call takes arguments is taken apart", () => {
  const items = Array.from({ length: 150_000 }, () => ({ apiVersion: "v1", kind: "ConfigMap" }));
  const read = readManifest("list.json", JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  assert.ok("objects" in read);
  assert.equal(read.objects.length, items.length);
});
