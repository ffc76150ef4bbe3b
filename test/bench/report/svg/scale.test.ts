import assert from "node:assert/strict";
import { test } from "node:test";
import { apart, linearScale, linearTicks, logScale } from "../../../../bench/report/svg/scale.ts";

test("linearTicks() are round steps that reach the highest value", () => {
  assert.deepEqual(linearTicks(178), [0, 50, 100, 150, 200]);
  assert.deepEqual(linearTicks(1), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(0), [0, 1]);
});

test("linearScale() has zero at one end and the last tick at the other", () => {
  const { at, ticks } = linearScale(90, [10, 110]);
  assert.deepEqual([at(0), at(ticks.at(-1) ?? 0)], [10, 110]);
});

test("logScale() gives each power of ten the same room", () => {
  const { at, ticks } = logScale(1, 1_000, [0, 300]);
  assert.deepEqual(
    [1, 10, 100, 1_000].map((value) => Math.round(at(value))),
    [0, 100, 200, 300],
  );
  assert.deepEqual(ticks, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000]);
});

test("logScale() can show values that are all the same", () => {
  const { at } = logScale(7, 7, [0, 100]);
  assert.equal(at(7), 0);
});

test("apart() keeps labels within bounds, in order, and a gap between them", () => {
  assert.deepEqual(apart([50, 50, 20], 10, [0, 100]), [50, 60, 20]);
  assert.deepEqual(apart([98, 99], 10, [0, 100]), [90, 100]);
});
