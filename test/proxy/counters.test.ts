import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_COUNTERS, sumCounters, ThreadCounters } from "../../src/proxy/counters.ts";
import { DURATION_BUCKETS } from "../../src/telemetry/duration-counts.ts";

test("requests are counted by port, class of status and reason", () => {
  const counters = new ThreadCounters();
  counters.exchanged(80, 200, undefined, 1);
  counters.exchanged(80, 204, undefined, 1);
  counters.exchanged(80, 502, "upstream-reset", 1);
  counters.exchanged(80, 0, "request-cancelled", 1);
  counters.exchanged(81, 101, undefined, 1);
  assert.deepEqual(counters.read([]).requests, {
    "80|2xx|": 2,
    "80|5xx|upstream-reset": 1,
    "80|0xx|request-cancelled": 1,
    "81|1xx|": 1,
  });
});

test("the buckets of durations are cumulative, their bounds belong to them, and sum and count follow", () => {
  const edges = DURATION_BUCKETS.map((seconds) => seconds * 1000);
  const duration = fc.oneof(fc.constantFrom(...edges), fc.double({ min: 0, max: 90_000, noNaN: true }));
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1 }), (durations) => {
      const counters = new ThreadCounters();
      for (const durationMs of durations) counters.exchanged(80, 200, undefined, durationMs);
      const row = counters.read([]).durations["80"] ?? [];
      const seconds = durations.map((durationMs) => durationMs / 1000);
      assert.deepEqual(
        row.slice(0, DURATION_BUCKETS.length),
        DURATION_BUCKETS.map((bound) => seconds.filter((value) => value <= bound).length),
      );
      assert.deepEqual(row.slice(DURATION_BUCKETS.length), [
        seconds.reduce((sum, value) => sum + value, 0),
        durations.length,
      ]);
    }),
  );
});

test("threads are summed, lost lines with them", () => {
  const first = new ThreadCounters();
  first.exchanged(80, 200, undefined, 3);
  first.lineLost();
  const second = new ThreadCounters();
  second.exchanged(80, 200, undefined, 3);
  second.lineLost();
  second.lineLost();
  const { requests, linesLost, durations } = sumCounters([first.read([]), second.read([]), NO_COUNTERS]);
  assert.deepEqual(requests, { "80|2xx|": 2 });
  assert.equal(linesLost, 3);
  assert.equal(durations["80"]?.at(-1), 2);
});
