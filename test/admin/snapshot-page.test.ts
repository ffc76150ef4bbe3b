import assert from "node:assert/strict";
import { test } from "node:test";
import { snapshotPage } from "../../src/admin/snapshot-page.ts";
import { backend, policy, range } from "../support/mesh/objects.ts";
import { stateOf } from "./status-page/facts-of.ts";

interface ShownRule {
  readonly policy: string;
  readonly members?: readonly { readonly address: string; readonly source: string }[];
  readonly younger?: readonly ShownRule[];
}

const [OLD, YOUNG] = ["2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z"];
const shown = (rangeCount: number, query: string) => {
  const many = Array.from({ length: rangeCount }, (_, n) => range(`10.${2 + (n >> 8)}.${n & 255}.0/32`));
  const state = stateOf([
    policy([backend("foo", 80, "http")], [range("10.1.0.0/16")], "test/a", OLD),
    policy([backend("bar", 80, "http")], many, "test/b", YOUNG),
  ]);
  return snapshotPage(state, new URLSearchParams(query)).body as {
    readonly rules: readonly ShownRule[];
    readonly truncated?: string;
  };
};

test("the addresses of every object of a port are listed, each by its source, where they are asked for", () => {
  const [rule] = shown(1, "full").rules;
  assert.deepEqual(rule?.members, [{ address: "10.1.0.0-10.1.255.255", source: "IPRange 10.1.0.0/16" }]);
  assert.deepEqual(
    rule.younger?.map(({ policy: of, members }) => [of, members]),
    [["test/b", [{ address: "10.2.0.0-10.2.0.0", source: "IPRange 10.2.0.0/32" }]]],
  );
  assert.doesNotMatch(JSON.stringify(shown(1, "")), /members/);
});

test("the bound on listed addresses holds over the objects of a port too", () => {
  const { rules, truncated } = shown(10_001, "full");
  const listed = [rules[0]?.members, rules[0]?.younger?.[0]?.members].map((members) => members?.length);
  assert.deepEqual(listed, [1, 9_999]);
  assert.match(truncated ?? "", /10000/);
});
