import assert from "node:assert/strict";
import { test } from "node:test";
import type { Rule, Snapshot } from "../../src/policy/snapshot.ts";
import { COMPILATIONS, type CompileCase, type OpenShape } from "./compilations.ts";
import { compileObjects } from "./world.ts";
import { backendPort } from "../../src/policy/model.ts";

/** The rule as the table writes one. */
function shapeOf(rule: Rule | undefined): CompileCase["rule"] {
  if (rule === undefined) return "none";
  if (rule.state === "closed") return { closed: rule.reason };
  const { principals, addresses, sniHosts } = rule;
  return {
    protocol: rule.protocol,
    clientCertificate: rule.clientCertificate,
    ...(addresses === undefined ? {} : { sources: addresses.sources }),
    principals: principals.any ? "any" : [...principals.dns, ...principals.uri],
    ...(sniHosts === undefined ? {} : { sni: [...sniHosts.exact, ...sniHosts.suffixes.map((suffix) => `*${suffix}`)] }),
  };
}

/** Labels of sources that match nobody may be kept for explanations, so they do not count here. */
function withoutEmpty(shape: CompileCase["rule"], empty: readonly string[]): CompileCase["rule"] {
  if (shape === "none" || "closed" in shape || shape.sources === undefined) return shape;
  const sources = shape.sources.filter(
    (label) => !empty.some((problem) => problem.includes(label.replace("Service ", ""))),
  );
  return { ...shape, sources } satisfies OpenShape;
}

function checkStatuses(snapshot: Snapshot, row: CompileCase): void {
  if (row.statuses === undefined) return;
  assert.equal(snapshot.statuses.length, row.statuses.length, JSON.stringify(snapshot.statuses));
  for (const [index, expected] of row.statuses.entries()) {
    const status = snapshot.statuses[index];
    assert.ok(status);
    assert.equal(status.currentStatus, expected.currentStatus, status.reason);
    if (expected.policy !== undefined) assert.equal(status.policy, expected.policy);
    if (typeof expected.reason === "string") assert.equal(status.reason, expected.reason);
    else assert.match(status.reason, expected.reason);
    if (expected.warns !== undefined) assert.match(status.warnings.join("\n"), expected.warns);
  }
}

for (const row of COMPILATIONS) {
  test(`${row.id}: ${row.about}`, () => {
    const snapshot = compileObjects(row.objects, row.meshName);
    const rule = snapshot.rules.get(backendPort(row.port ?? 80));
    const empty = rule?.state === "open" ? rule.emptySources : [];
    assert.deepEqual(withoutEmpty(shapeOf(rule), empty), row.rule);
    checkStatuses(snapshot, row);
  });
}

test("objects in the reverse order are compiled to the same", () => {
  for (const row of COMPILATIONS) {
    const backwards = row.objects.toReversed();
    const shapes = [row.objects, backwards].map((objects) => {
      const { rules, statuses } = compileObjects(objects, row.meshName);
      return { rules: [...rules].map(([port, rule]) => [port, shapeOf(rule)]), statuses };
    });
    assert.deepEqual(shapes[1], shapes[0], row.id);
  }
});
