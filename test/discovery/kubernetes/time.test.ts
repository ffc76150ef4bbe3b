/** Hours without a server, and clocks that jump. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { Follower } from "../../support/api-server/follower.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { FakeClock } from "../../support/api-server/fake-clock.ts";
import { EDGE, OTHER, edgeSlice, letIn } from "./suite/objects.ts";
import { MOST_CONNECTIONS } from "../../support/api-server/link.ts";

const HOUR_MS = 3_600_000;

/** Production waits, on a clock of the test's own. Policies, own slices and one source are watched. */
async function followWith(cluster: StandInCluster, clock: FakeClock): Promise<Follower> {
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  const timing = DEFAULT_TIMING;
  const follower = await Follower.start({ credentials: cluster.credentials(), clock, timing });
  await follower.until("all is watched", () => follower.allows(EDGE) && cluster.server.watches.length === 3);
  // With nothing left to write, no timer but those of the reflectors is set.
  clock.pass(1_000);
  await follower.until("the status is written", () => follower.discovery.counts().statusWrites === 1);
  return follower;
}

/** Policies of either group, own slices and one source: while the server is away each waits for its next attempt. */
const REFLECTORS = 4;

/** Lets the clock run in steps, each after every attempt of the step before has failed: real time decides nothing. */
async function passInOutage(clock: FakeClock, ms: number, timers = REFLECTORS): Promise<void> {
  const end = clock.monotonic() + ms;
  while (clock.monotonic() < end) {
    while (clock.due(Infinity) < timers) await clock.nextTimer();
    clock.pass(Math.min(5_000, end - clock.monotonic()));
  }
}

/** Lets the clock of client and server run in steps, each after every watch that ended in the step before is open again. */
async function passInQuiet(cluster: StandInCluster, follower: Follower, clock: FakeClock, ms: number): Promise<void> {
  const end = clock.monotonic() + ms;
  while (clock.monotonic() < end) {
    clock.pass(Math.min(5_000, end - clock.monotonic()));
    await new Promise((resolve) => setImmediate(resolve));
    await follower.until("watches are open", () => cluster.server.watches.length === 3);
  }
}

test("a server that is down for an hour: the last good data stands, its age is told, and the log is not flooded", async () => {
  await using cluster = await StandInCluster.start();
  const clock = new FakeClock();
  await using follower = await followWith(cluster, clock);
  await cluster.link.remove();
  await follower.until("the loss is noticed", () => follower.failures("unreachable") >= 3);
  const versions = follower.snapshot.version;
  await passInOutage(clock, HOUR_MS);
  assert.ok(follower.allows(EDGE));
  assert.equal(follower.snapshot.version, versions, "nothing was published");
  const age = clock.now() - (follower.health("gateways/edge")?.freshAt ?? 0);
  assert.ok(age >= HOUR_MS - 1_000 && age <= HOUR_MS + 60_000, `the age is an hour: ${age}`);
  assert.ok(follower.failures("unreachable") > 300, `it is tried all the time: ${follower.failures("unreachable")}`);
  const told = follower.lines.filter(({ level }) => level !== "info").length;
  assert.ok(told <= 4 * 61, `once a minute and resource at most: ${told}`);
  await cluster.api.replace(edgeSlice(OTHER));
  const accepted = cluster.link.accepted;
  await cluster.link.restore();
  // Every reflector waits. Within the longest wait one of them connects.
  while (clock.due(Infinity) < REFLECTORS) await clock.nextTimer();
  clock.pass(DEFAULT_TIMING.backoffCapMs);
  await follower.until("it is connected to", () => cluster.link.accepted > accepted);
  await follower.until("it is followed again", () => follower.said(/gateways\/edge: current again/) !== undefined);
  clock.pass(DEFAULT_TIMING.publishIntervalMs);
  assert.ok(follower.allows(OTHER) && !follower.allows(EDGE));
});

test("a wall clock that jumps, forward or back, ages nothing and closes nothing", async () => {
  await using cluster = await StandInCluster.start();
  const clock = new FakeClock();
  await using follower = await followWith(cluster, clock);
  for (const jumpMs of [365 * 24 * HOUR_MS, -365 * 24 * HOUR_MS]) {
    clock.jumpMs = jumpMs;
    const ages = follower.discovery.health().map(({ freshAt = 0 }) => clock.now() - freshAt);
    assert.ok(
      ages.every((age) => age >= 0 && age < 60_000),
      String(ages),
    );
    assert.ok(follower.allows(EDGE));
  }
  await cluster.api.replace(edgeSlice(OTHER));
  await follower.until("the change is in force", () => {
    clock.pass(DEFAULT_TIMING.publishIntervalMs);
    return follower.allows(OTHER);
  });
  assert.equal(follower.failures("stalled"), 0);
});

test("a quiet hour costs 70 requests at most, on two connections at most, and the data is never older than a bookmark", async () => {
  const clock = new FakeClock();
  // Bookmarks are sent by the test, so that it knows when they have arrived.
  await using cluster = await StandInCluster.start({ clock, bookmarkEveryMs: 2 * HOUR_MS });
  await using follower = await followWith(cluster, clock);
  const before = cluster.server.calls.length;
  let oldest = 0;
  for (let minute = 0; minute < 60; minute += 1) {
    await passInQuiet(cluster, follower, clock, 60_000);
    const ages = follower.discovery.health().map(({ freshAt = 0 }) => clock.now() - freshAt);
    oldest = Math.max(oldest, ...ages);
    const bookmarks = follower.counted("bookmark");
    cluster.server.bookmark();
    await follower.until("the bookmarks arrive", () => follower.counted("bookmark") === bookmarks + 3);
  }
  const requests = cluster.server.calls.length - before;
  // Three watches of five to ten minutes each, and the look for the fork's API every few minutes.
  assert.ok(requests >= 18 && requests <= 70, `${requests} requests`);
  // The clock runs on while the policies' first bookmark is on its way.
  assert.ok(oldest <= 61_000, `${oldest} ms`);
  assert.deepEqual([follower.failures("stalled"), follower.counted("list")], [0, 3]);
  const { accepted } = cluster.link;
  assert.ok(accepted <= MOST_CONNECTIONS, `${accepted} connections`);
});

test("an API that was never installed does not age with the server: what is looked for rarely is no sign of old data", async () => {
  const clock = new FakeClock();
  await using cluster = await StandInCluster.start({ clock });
  await using follower = await followWith(cluster, clock);
  await passInQuiet(cluster, follower, clock, 30 * 60_000);
  await cluster.link.remove();
  await follower.until("the loss is noticed", () => follower.failures("unreachable") >= 3);
  // Long enough for its turn to come, and to fail. The server keeps a timer for its bookmarks.
  await passInOutage(clock, 6 * 60_000, REFLECTORS + 1);
  await follower.until("the outage is noticed", () => follower.failures("unreachable") > 0);
  const resources = follower.discovery.health().map(({ resource }) => resource);
  assert.ok(resources.includes("ingressbackends.policy.openservicemesh.io"), resources.join(", "));
  assert.ok(!resources.some((resource) => resource.includes("flomesh")), resources.join(", "));
});
