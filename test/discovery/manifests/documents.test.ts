import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifest } from "../../../src/discovery/manifests/documents.ts";

test("a List that holds itself is a fault of its document", () => {
  for (const text of [
    "&list\napiVersion: v1\nkind: List\nitems: [*list]\n",
    "apiVersion: v1\nkind: List\nitems: &items\n- apiVersion: v1\n  kind: List\n  items: *items\n",
  ]) {
    const read = readManifest("list.yaml", `apiVersion: v1\nkind: ConfigMap\n---\n${text}`);
    assert.ok("fault" in read);
    assert.deepEqual([read.fault.file, read.fault.document], ["list.yaml", 2]);
  }
});
