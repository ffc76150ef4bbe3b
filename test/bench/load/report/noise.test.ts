import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "../../../../bench/load/report/noise.ts";

test("difference() is a number from the noise on, and never below", () => {
  assert.equal(difference(115, 100, "us"), 15);
  assert.deepEqual(difference(114.9, 100, "us"), { unmeasured: "14.90 us, within the noise of 15 %" });
  assert.deepEqual(difference(90, 100, "us"), { unmeasured: "-10.00 us, within the noise of 15 %" });
  assert.ok(Number.isNaN(difference(Number.NaN, 100, "us")));
});
