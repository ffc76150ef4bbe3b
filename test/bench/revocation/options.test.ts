import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "../../../bench/revocation/options.ts";

test("parseOptions() has a tenth of the connections lose their right, and a quick run of fewer", () => {
  const long = { connections: 5_000, violating: 500, rounds: 3, workers: 2, quick: false, server: "postern" };
  assert.deepEqual(parseOptions([]), long);
  const short = { connections: 500, violating: 50, rounds: 1, workers: 2, quick: true, server: "bare" };
  assert.deepEqual(parseOptions(["--quick", "--server=bare"]), short);
  assert.equal(parseOptions(["--quick", "--connections", "1234"]).violating, 123);
});

test("parseOptions() refuses more connections than a sidecar takes, what is no number, and flags that it does not know", () => {
  assert.throws(() => parseOptions(["--connections", "9001"]), /--connections is '9001'; expected .* 9000/);
  assert.throws(() => parseOptions(["--workers", "many"]), /--workers is 'many'/);
  assert.throws(() => parseOptions(["--server", "nginx"]), /--server is 'nginx'; expected one of postern, bare/);
  assert.throws(() => parseOptions(["--seconds", "3"]), /seconds/);
});
