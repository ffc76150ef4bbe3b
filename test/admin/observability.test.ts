/** What config/observability names is there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { http, policy, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../../config/observability", name), "utf8");

/** Names in expressions: a histogram is exported under its own, and asked for by its parts. */
function namesIn(text: string): readonly string[] {
  const names = [...text.matchAll(/\bpostern_[a-z0-9_]+/g)].map(([name]) => name.replace(/_(?:bucket|sum|count)$/, ""));
  return [...new Set(names)];
}

test("every metric that the alerts and the dashboard name is exported, with labels that they part it by", async () => {
  await using sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.1/32")])],
    backends: [{ app: 1 }],
  });
  const text = await (await sidecar.admin("/metrics")).text();
  const exported = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name));
  for (const file of ["alerts.yaml", "alerts.test.yaml", "dashboard.json"]) {
    const names = namesIn(read(file));
    assert.ok(names.length > 5, file);
    for (const name of names) assert.ok(exported.has(name), `${file} names ${name}, which nobody exports`);
  }
  assert.match(text, /^postern_build_info\{version="\d+\.\d+\.\d+[^"]*"\} 1$/m);
  for (const [, name = "", type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm))
    assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
});

test("every alert says what happened and how bad it is, and has a name of its own", () => {
  const { groups } = parse(read("alerts.yaml")) as {
    readonly groups: readonly {
      readonly rules: readonly {
        readonly alert: string;
        readonly labels: { readonly severity: string };
        readonly annotations: { readonly summary: string; readonly description: string };
      }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(?:warning|critical)$/, alert);
    assert.ok(annotations.summary !== "" && annotations.description !== "", alert);
  }
});
