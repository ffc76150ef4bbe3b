import assert from "node:assert/strict";
import { test } from "node:test";
import { MEASUREMENTS } from "../../../bench/handshake/measurement.ts";
import { parseOptions } from "../../../bench/handshake/options.ts";

test("parseOptions() measures everything in five rounds unless told, and a quick run once", () => {
  const { measurements, rounds, seconds, idleConnections } = parseOptions([]);
  assert.deepEqual([measurements, rounds, seconds, idleConnections], [MEASUREMENTS, 5, 2, 5_000]);
  const quick = parseOptions(["--quick", "--measure", "idle,full-1.3", "--only", "postern,haproxy"]);
  assert.deepEqual(quick.measurements, ["idle", "full-1.3"]);
  assert.deepEqual([quick.rounds, quick.seconds, quick.idleConnections], [1, 1, 400]);
  assert.deepEqual(quick.only, ["postern", "haproxy"]);
});

test("parseOptions() refuses measurements and numbers that it does not know", () => {
  assert.throws(() => parseOptions(["--measure", "half"]), /--measure is 'half'; expected one of full-1.2, /);
  assert.throws(() => parseOptions(["--connections", "9001"]), /--connections is '9001'; expected .* 9000/);
  assert.throws(() => parseOptions(["--rate", "3"]), /rate/);
});
