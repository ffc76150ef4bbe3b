/** The wait that all reflectors share. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Outage } from "../../../src/api-server/watch/outage.ts";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { FakeClock } from "../../support/api-server/fake-clock.ts";

/** Waits at their ceilings: 1, 2, 4, 8, 10, 10 seconds. */
function longest(clock: FakeClock): Outage {
  return new Outage(clock, () => 1, DEFAULT_TIMING);
}

test("who fails later waits for the same moment", () => {
  const clock = new FakeClock();
  const outage = longest(clock);
  assert.equal(outage.waitAfter("unreachable"), 1_000);
  clock.pass(400);
  assert.equal(outage.waitAfter("timeout"), 600);
  clock.pass(599);
  assert.equal(outage.waitAfter("untrusted"), 1);
});

test("each attempt that fails for all is followed by a longer wait, up to the cap", () => {
  const clock = new FakeClock();
  const outage = longest(clock);
  const waits: number[] = [];
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const waitMs = outage.waitAfter("unreachable") ?? 0;
    assert.equal(outage.waitAfter("unreachable"), waitMs);
    waits.push(waitMs);
    clock.pass(waitMs);
  }
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test("a watch that had lived long begins the waits anew, and does not shorten one under way", () => {
  const clock = new FakeClock();
  const outage = longest(clock);
  clock.pass(outage.waitAfter("unreachable") ?? 0);
  outage.ended();
  assert.equal(outage.waitAfter("unreachable"), 1_000);
  outage.ended();
  clock.pass(1_000);
  assert.equal(outage.waitAfter("unreachable"), 2_000);
});

test("what a server says of one resource is the affair of that resource", () => {
  const outage = longest(new FakeClock());
  for (const kind of ["forbidden", "absent", "expired", "throttled", "server-error", "malformed"] as const)
    assert.equal(outage.waitAfter(kind), undefined);
});
