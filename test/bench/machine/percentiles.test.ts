import assert from "node:assert/strict";
import { test } from "node:test";
import { percentiles } from "../../../bench/machine/percentiles.ts";

test("percentiles() names values that were measured, whatever their order", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  assert.deepEqual(percentiles(values), { p50: 100, p90: 180, p99: 198, max: 200 });
  assert.deepEqual(percentiles([3]), { p50: 3, p90: 3, p99: 3, max: 3 });
});

test("percentiles() of nothing are no numbers", () => {
  assert.ok(Number.isNaN(percentiles([]).p99));
});
