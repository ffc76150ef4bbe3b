import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { inSlices } from "../../../src/proxy/connection/slices.ts";

/** Keeps the thread for this long, as real work does. */
function busy(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("long work is done in slices between which others have their turn, and all of it is done", async () => {
  const done: number[] = [];
  const items = Array.from({ length: 20 }, (_, index) => index);
  inSlices(
    items.values(),
    (item) => {
      done.push(item);
      busy(1);
    },
    assert.ifError,
  );
  const first = done.length;
  let turns = 0;
  for (; done.length < items.length; turns += 1) await turn();
  assert.ok(first > 0 && turns > 1, `${first} at once, then ${turns} turns`);
  assert.deepEqual(done, items);
});

test("work that is short is over on return", () => {
  let done = 0;
  inSlices([1].values(), () => (done += 1), assert.ifError);
  assert.equal(done, 1);
});

test("whoever does not want the rest is asked for no more of it", async () => {
  let done = 0;
  const work = (): void => {
    done += 1;
    busy(3);
  };
  inSlices([1, 2, 3].values(), work, assert.ifError, () => false);
  await turn();
  await turn();
  assert.equal(done, 1);
});

test("what a later slice throws is told and thrown at nobody", async () => {
  const told = Promise.withResolvers<Error>();
  inSlices(
    [1, 2].values(),
    (item) => {
      busy(3);
      if (item === 2) throw new Error("no more");
    },
    told.resolve,
  );
  assert.match((await told.promise).message, /no more/);
});
