import assert from "node:assert/strict";
import { test } from "node:test";
import { figuresOf, type Sample } from "../../../bench/start/figures.ts";

function sample(bundle: string, readyMs: number): Sample {
  return { bundle, source: "manifests", readyMs, cpuMs: 10 * readyMs, residentMiB: 90, privateMiB: 40 };
}

test("figuresOf() has the median and the best of each bundle, whatever is in its path", () => {
  const starts = [100, 300, 200].flatMap((ms) => [sample("/a  b/one", ms), sample("/two", 2 * ms)]);
  assert.deepEqual(
    figuresOf(starts).map(({ bundle, rounds, readyMs, bestReadyMs, cpuMs }) => [
      bundle,
      rounds,
      readyMs,
      bestReadyMs,
      cpuMs,
    ]),
    [
      ["/a  b/one", 3, 200, 100, 2_000],
      ["/two", 3, 400, 200, 4_000],
    ],
  );
});
