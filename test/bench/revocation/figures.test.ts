import assert from "node:assert/strict";
import { test } from "node:test";
import { figuresOf, missesOf, roundOf, type Round } from "../../../bench/revocation/figures.ts";
import type { Answered } from "../../../bench/revocation/steady.ts";

const CHANGED_AT = 100_000;

function seen(ends: readonly number[], answered: readonly Answered[], wrong = 0): Parameters<typeof roundOf>[2] {
  return { ends, answered, wrong, cpuMs: 10 };
}

test("roundOf() counts a request by when it was due: in the quiet before the change, or from it on until the last connection is closed", () => {
  const answered: Answered[] = [
    [CHANGED_AT - 3_001, 1],
    [CHANGED_AT - 2_999, 2],
    // Served after the change, maybe: it is neither.
    [CHANGED_AT - 50, 3],
    [CHANGED_AT, 4],
    [CHANGED_AT + 1_500, 5],
    [CHANGED_AT + 2_001, 6],
  ];
  const { closedMs, quietMs, duringMs } = roundOf(
    "a",
    CHANGED_AT,
    seen([CHANGED_AT + 20, CHANGED_AT + 2_000], answered),
  );
  assert.deepEqual(closedMs, [20, 2_000]);
  assert.deepEqual(quietMs, [2]);
  assert.deepEqual(duringMs, [4, 5]);
});

test("figuresOf() puts the rounds of one change together", () => {
  const round = (title: string, wrong: number): Round => ({
    title,
    closedMs: [100, 200],
    quietMs: [1, 2],
    duringMs: [3, 5],
    wrong,
    cpuMs: 10,
  });
  const [a, b] = figuresOf([round("a", 1), round("b", 0), round("a", 2)]);
  assert.deepEqual([a?.title, a?.rounds, a?.closed, a?.wrong, a?.timesQuiet], ["a", 2, 4, 3, 2.5]);
  assert.deepEqual([b?.rounds, b?.closed], [1, 2]);
});

test("missesOf() names each goal that is missed", () => {
  const figures = (closed: number, during: number, wrong: number) =>
    figuresOf([{ title: "a", closedMs: [closed], quietMs: [1], duringMs: [during], wrong, cpuMs: 1 }])[0]!;
  assert.deepEqual(missesOf(figures(250, 2, 0)), []);
  assert.deepEqual(missesOf(figures(251, 3, 4)), ["p99 above 250 ms", "steady p99 above 2 x quiet", "4 others closed"]);
});
