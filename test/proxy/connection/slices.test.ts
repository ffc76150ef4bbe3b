import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { Slices } from "../../../src/proxy/connection/slices.ts";

/** Keeps the thread for this long, as real work does. */
function busy(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Whether what is to be done behind all passes is done at once. */
async function afterwards(slices: Slices): Promise<"at once" | "later"> {
  let done = false;
  const later = new Promise<void>((resolve) => {
    slices.afterwards(() => {
      done = true;
      resolve();
    });
  });
  const when = done ? "at once" : "later";
  await later;
  return when;
}

test("long work is done in slices between which others have their turn, and all of it is done", async () => {
  const done: number[] = [];
  const items = Array.from({ length: 20 }, (_, index) => index);
  new Slices(assert.ifError).run(items.values(), (item) => {
    done.push(item);
    busy(1);
  });
  const first = done.length;
  let turns = 0;
  for (; done.length < items.length; turns += 1) await turn();
  assert.ok(first > 0 && turns > 1, `${first} at once, then ${turns} turns`);
  assert.deepEqual(done, items);
});

test("work that is short is over on return", () => {
  let done = 0;
  new Slices(assert.ifError).run([1].values(), () => (done += 1));
  assert.equal(done, 1);
});

test("whoever does not want the rest is asked for no more of it", async () => {
  let done = 0;
  const work = (): void => {
    done += 1;
    busy(3);
  };
  new Slices(assert.ifError).run([1, 2, 3].values(), work, () => false);
  await turn();
  await turn();
  assert.equal(done, 1);
});

test("what a later slice throws is told and thrown at nobody", async () => {
  const told = Promise.withResolvers<Error>();
  const slices = new Slices(told.resolve);
  slices.run([1, 2].values(), (item) => {
    busy(3);
    if (item === 2) throw new Error("no more");
  });
  assert.match((await told.promise).message, /no more/);
  assert.equal(await afterwards(slices), "at once");
});

test("what is to be done afterwards waits for every pass, and for none that has ended or thrown", async () => {
  const slices = new Slices(assert.ifError);
  assert.equal(await afterwards(slices), "at once");
  const order: string[] = [];
  const note = (item: string): void => {
    order.push(item);
    busy(1);
  };
  slices.run(["a1", "a2", "a3"].values(), note);
  for (const item of ["x", "y"]) slices.afterwards(() => note(item));
  slices.run(["b1", "b2"].values(), note);
  while (order.length < 7) await turn();
  await turn();
  assert.deepEqual(order.slice(0, 5).sort(), ["a1", "a2", "a3", "b1", "b2"]);
  assert.deepEqual(order.slice(5), ["x", "y"]);
  const thrown = (): void => {
    throw new Error("thrown by the test");
  };
  assert.throws(() => slices.run([1].values(), thrown), /thrown by the test/);
  assert.equal(await afterwards(slices), "at once");
  slices.run(
    [1, 2].values(),
    () => busy(1),
    () => false,
  );
  assert.equal(await afterwards(slices), "later");
});

test("waiting work that throws is told, and the work behind it is done; later work waits for passes as before", async () => {
  const told: Error[] = [];
  const slices = new Slices((fault) => told.push(fault));
  const done: string[] = [];
  const twoSlices = (): void => slices.run([1, 2].values(), () => busy(1));
  twoSlices();
  slices.afterwards(() => {
    throw new Error("thrown by the test");
  });
  slices.afterwards(() => done.push("behind it"));
  for (let turns = 0; turns < 10; turns += 1) await turn();
  assert.deepEqual(done, ["behind it"]);
  assert.match(told.map(({ message }) => message).join(), /^[^,]*thrown by the test$/);
  twoSlices();
  assert.equal(await afterwards(slices), "later");
});
