import assert from "node:assert/strict";
import { test } from "node:test";
import { holdsAddress, isAddressOrRange } from "../../../src/policy/address/node-addresses.ts";

test("holdsAddress() knows addresses and ranges of both families, and folds mapped addresses", () => {
  const nodes = ["10.0.0.1", "10.1.0.0/24", "fd00::/64"];
  for (const address of ["10.0.0.1", "::ffff:10.0.0.1", "10.1.0.255", "fd00::7"])
    assert.ok(holdsAddress(nodes, address));
  for (const address of ["10.0.0.2", "10.1.1.0", "fd01::", "node"]) assert.ok(!holdsAddress(nodes, address));
});

test("isAddressOrRange() takes nothing else", () => {
  assert.deepEqual(["10.0.0.1", "fd00::/8", "10.0.0.0/33", "node", ""].map(isAddressOrRange), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
