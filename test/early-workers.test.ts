import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { EarlyWorkers } from "../src/early-workers.ts";

const idle = new URL("data:text/javascript,setInterval(() => undefined, 1000)");
const throwing = new URL("data:text/javascript,throw new Error('thrown by the test')");

test("a worker is handed over once, and only those that were asked for are there", async () => {
  const workers = new EarlyWorkers({ threadEntry: idle });
  workers.start(1);
  workers.start(2);
  const taken = [0, 1].map((thread) => workers.take(thread));
  try {
    assert.deepEqual(
      taken.map((worker) => worker?.threadName),
      ["data-0", "data-1"],
    );
    assert.deepEqual(
      [0, 1, 2].map((thread) => workers.take(thread)),
      [undefined, undefined, undefined],
    );
  } finally {
    for (const worker of taken) await worker?.terminate();
  }
});

test("a worker that has ended is not handed over, and its fault ends nothing else", async () => {
  const workers = new EarlyWorkers({ threadEntry: throwing });
  const created = once(process, "worker");
  workers.start(1);
  const [worker] = (await created) as [Worker];
  const [cause] = (await once(worker, "error")) as [Error];
  assert.match(cause.message, /thrown by the test/);
  assert.equal(workers.take(0), undefined);
});
