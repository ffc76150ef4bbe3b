import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "../../../bench/report/options.ts";

test("parseOptions() runs everything but the fleet", () => {
  const suites = ["load", "micro", "start", "handshake", "revocation", "propagation"];
  assert.deepEqual(parseOptions([]), { suites, from: [], quick: false });
});

test("parseOptions() takes suites in the order in which they run", () => {
  assert.deepEqual(parseOptions(["--suites", "start,load", "--suites=fleet"]).suites, ["load", "start", "fleet"]);
});

test("parseOptions() refuses what it does not know and what contradicts itself", () => {
  assert.throws(() => parseOptions(["--suites", "micro,soak"]), /--suites is 'soak'; expected one of load/);
  assert.throws(() => parseOptions(["--from", "a.json", "--against", "HEAD"]), /--from runs nothing/);
  assert.throws(() => parseOptions(["--from", "a.json", "--quick"]), /--from runs nothing/);
  assert.throws(() => parseOptions(["--markdown", "docs"]), /'docs'; expected a name that ends with \.md/);
  assert.throws(() => parseOptions(["--baseline", "HEAD"]), /--baseline/);
});
