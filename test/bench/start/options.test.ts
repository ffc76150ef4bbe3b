import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "../../../bench/start/options.ts";

test("parseOptions() starts nine times, and takes bundles by commas", () => {
  assert.deepEqual(parseOptions([]), { bundles: [], rounds: 9, restSeconds: 4, nodeFlags: [] });
  const { bundles, nodeFlags } = parseOptions(["--bundle", "/a  b/one,/two", "--node=--jitless --no-opt"]);
  assert.deepEqual(
    [bundles, nodeFlags],
    [
      ["/a  b/one", "/two"],
      ["--jitless", "--no-opt"],
    ],
  );
});

test("parseOptions() refuses rounds and a rest that are no numbers", () => {
  assert.throws(() => parseOptions(["--rounds", "many"]), /--rounds is 'many'; expected a whole number/);
  assert.throws(() => parseOptions(["--rounds", "0"]), /--rounds is '0'/);
  assert.throws(() => parseOptions(["--rest", "long"]), /--rest is 'long'; expected a number above 0/);
});
