import assert from "node:assert/strict";
import { test } from "node:test";
import { Tally } from "../soak/tally.ts";
import { atLeastOne, conclusion, flatness, verdictTable } from "../soak/verdict.ts";

/** From the minute on, one a minute. */
const samplesOf = (fromMinute: number, ...rssMiB: readonly number[]) =>
  rssMiB.map((value, index) => ({ rssMiB: value, descriptors: 40, minute: fromMinute + index }));

test("memory is flat when the last quarter after ten minutes needs no more than the second and a tenth", () => {
  const holds = (...rssMiB: readonly number[]) =>
    flatness([...samplesOf(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), ...samplesOf(10, ...rssMiB)], 840_000).map(
      (row) => row.holds,
    );
  assert.deepEqual(holds(50, 100, 120, 110), [true, true]);
  assert.deepEqual(holds(50, 100, 120, 111), [false, true]);
  assert.deepEqual(holds(200, 100, 100, 100), [true, true]);
});

test("without a sample in each quarter nothing is flat, which a run that was too short for them does not show", () => {
  const rows = (lastedMs: number) =>
    flatness(samplesOf(0, 100), lastedMs).map(({ holds, notShown }) => [holds, notShown]);
  assert.deepEqual(rows(660_000), [
    [false, undefined],
    [false, undefined],
  ]);
  assert.deepEqual(rows(659_000), [
    [undefined, true],
    [false, undefined],
  ]);
  assert.deepEqual(rows(59_000), [
    [undefined, true],
    [undefined, true],
  ]);
});

test("a lost connection is forgiven while a thread is being replaced, a wrong response never", async () => {
  const tally = new Tally();
  const begun = performance.now();
  await tally.disrupt(() => {
    tally.failed("lane", new Error("ECONNRESET"), begun);
    tally.failed("lane", new assert.AssertionError({ message: "changed" }), begun);
    return Promise.resolve();
  });
  tally.failed("lane", new Error("before the tail is over"), performance.now());
  tally.failed("lane", new Error("long after"), performance.now() + 60_000);
  assert.equal(tally.broken.get("lane"), 2);
  assert.deepEqual([...tally.faults.keys()], ["lane: changed", "lane: long after"]);
});

test("what does not hold stands out in the table", () => {
  assert.match(
    verdictTable([{ what: "faults", measured: 1, rule: "none", holds: false }]),
    /\| faults \| 1 \| none \| \*\*NO\*\* \|/,
  );
});

test("what never happened is wrong in a run that was long enough, and shown by none that was shorter", () => {
  const kills = (count: number, lastedMs: number) => atLeastOne("threads told to fail", count, 60_000, lastedMs);
  const [what, rule] = ["threads told to fail", "at least one in 3.0 minutes"];
  assert.deepEqual(kills(0, 179_000), { what, rule, measured: "0: not in so short a run", notShown: true });
  assert.deepEqual(kills(0, 180_000), { what, rule, measured: 0, holds: false });
  assert.deepEqual(kills(1, 60_001), { what, rule, measured: 1, holds: true });
});

test("the conclusion names what a run was too short for", () => {
  const short = atLeastOne("threads told to fail", 0, 60_000, 30_000);
  const wrong = { what: "faults", measured: 1, rule: "none", holds: false };
  assert.equal(conclusion([]), "nothing came back wrong");
  assert.equal(conclusion([wrong]), "something came back wrong");
  assert.equal(
    conclusion([short, { ...wrong, measured: 0, holds: true }]),
    "nothing came back wrong; the run was too short for: threads told to fail",
  );
});
