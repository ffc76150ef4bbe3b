import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../../../src/policy/compile/compile.ts";
import { backendPort } from "../../../src/policy/model.ts";
import { parseIngressBackend } from "../../../src/policy/objects/parse.ts";
import { http, policy, range } from "../../support/mesh/objects.ts";

const UNTIL = Date.parse("2030-01-31T18:00:00Z");

/** When the audit of an object ends, in a process that is in audit until `process`. */
function endOf(annotation: string | undefined, process?: number): number | undefined {
  const object = policy([http], [range("10.0.0.0/8")]);
  const annotations = annotation === undefined ? {} : { "postern.dev/enforcement": annotation };
  const { policy: parsed } = parseIngressBackend({ ...object, metadata: { ...object.metadata, annotations } });
  assert.ok(parsed !== undefined);
  const world = {
    policies: [parsed],
    invalidPolicies: [],
    services: new Map(),
    endpoints: new Map(),
    namespaces: new Map(),
  };
  const self = {
    namespace: "test",
    services: ["foo"],
    nodes: [],
    ...(process !== undefined && { auditUntil: process }),
  };
  const rule = compile(world, self, 1).rules.get(backendPort(80));
  assert.ok(rule?.state === "open");
  return rule.auditUntil;
}

test("without an annotation the process decides; with a time the later end does", () => {
  assert.equal(endOf(undefined), undefined);
  assert.equal(endOf(undefined, UNTIL), UNTIL);
  assert.equal(endOf("audit:2030-01-31T18:00:00Z"), UNTIL);
  assert.equal(endOf("audit:2030-01-31T18:00:00Z", UNTIL + 1), UNTIL + 1);
});

test("an object that asks to be enforced, or that cannot be understood, is enforced in a process in audit too", () => {
  for (const annotation of [
    "enforce",
    "audit:1h",
    "audit:",
    "AUDIT",
    "",
    "audit:2030-02-31T00:00:00Z",
    "audit:2030-04-31T00:00:00Z",
  ])
    assert.equal(endOf(annotation, UNTIL), undefined, annotation);
});
