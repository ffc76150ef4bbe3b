import assert from "node:assert/strict";
import { test } from "node:test";
import { MEASUREMENTS } from "../../../bench/load/measurements/subject.ts";
import { parseOptions } from "../../../bench/load/options.ts";

test("parseOptions() has defaults for a run that counts and shorter ones for a quick look", () => {
  assert.deepEqual(parseOptions([]), {
    only: [],
    measurements: MEASUREMENTS,
    seconds: 5,
    warmupSeconds: 8,
    rate: 1_000,
    nodes: [],
    checkouts: [],
    quick: false,
    profile: false,
    limitSeconds: 18 * 60,
  });
  const { seconds, warmupSeconds } = parseOptions(["--quick"]);
  assert.deepEqual([seconds, warmupSeconds], [1, 1]);
  assert.equal(parseOptions(["--quick", "--seconds", "3"]).seconds, 3);
  assert.equal(parseOptions(["--quick", "--minutes", "7"]).limitSeconds, 420);
});

test("parseOptions() takes names by commas and by repetition", () => {
  assert.deepEqual(parseOptions(["--only", "postern,nginx", "--only=envoy"]).only, ["postern", "nginx", "envoy"]);
  assert.deepEqual(parseOptions(["--measure", "steady,http2"]).measurements, ["steady", "http2"]);
  assert.deepEqual(parseOptions(["--node", "/a/node,/b/node"]).nodes, ["/a/node", "/b/node"]);
});

test("parseOptions() refuses numbers, measurements and flags that it does not know", () => {
  assert.throws(() => parseOptions(["--seconds", "0"]), /--seconds is '0'; expected a whole number from 1 to 60/);
  assert.throws(() => parseOptions(["--rate", "fast"]), /--rate is 'fast'/);
  assert.throws(() => parseOptions(["--rounds", "3"]), /rounds/);
  assert.throws(
    () => parseOptions(["--measure", "steady,speed"]),
    /--measure is 'speed'; expected one of first, steady/,
  );
});
