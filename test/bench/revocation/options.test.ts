import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "../../../bench/revocation/options.ts";

test("parseOptions() has a tenth of the connections lose their right, and a quick run of fewer", () => {
  assert.deepEqual(parseOptions([]), { connections: 5_000, violating: 500, rounds: 3, workers: 2, quick: false });
  assert.deepEqual(parseOptions(["--quick"]), { connections: 500, violating: 50, rounds: 1, workers: 2, quick: true });
  assert.equal(parseOptions(["--quick", "--connections", "1234"]).violating, 123);
});

test("parseOptions() refuses more connections than a sidecar takes, what is no number, and flags that it does not know", () => {
  assert.throws(() => parseOptions(["--connections", "9001"]), /--connections is '9001'; expected .* 9000/);
  assert.throws(() => parseOptions(["--workers", "many"]), /--workers is 'many'/);
  assert.throws(() => parseOptions(["--seconds", "3"]), /seconds/);
});
