/** Hours without a server, and clocks that jump. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_TIMING } from "../../../src/discovery/kubernetes/timing.ts";
import { Follower } from "../../support/api-server/follower.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { FakeClock } from "../../support/api-server/fake-clock.ts";
import { EDGE, OTHER, edgeSlice, letIn } from "./suite/objects.ts";

const HOUR_MS = 3_600_000;

/** Production waits, on a clock of the test's own. Policies, own slices and one source are watched. */
async function followWith(cluster: StandInCluster, clock: FakeClock): Promise<Follower> {
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  const timing = DEFAULT_TIMING;
  const follower = await Follower.start({ credentials: cluster.credentials(), clock, timing });
  await follower.until("all is watched", () => follower.allows(EDGE) && cluster.server.watches.length === 3);
  return follower;
}

/** Lets real attempts happen while the clock of the test runs, step by step. */
async function passWithAttempts(follower: Follower, clock: FakeClock, ms: number): Promise<void> {
  const end = clock.monotonic() + ms;
  while (clock.monotonic() < end) {
    clock.pass(Math.min(5_000, end - clock.monotonic()));
    // Refusals on loopback take less than this; more passes would only mean fewer tries.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(follower.snapshot.version > 0);
}

test("a server that is down for an hour: the last good data stands, its age is told, and the log is not flooded", async () => {
  await using cluster = await StandInCluster.start();
  const clock = new FakeClock();
  await using follower = await followWith(cluster, clock);
  await cluster.link.remove();
  await follower.until("the loss is noticed", () => follower.failures("unreachable") >= 3);
  const versions = follower.snapshot.version;
  await passWithAttempts(follower, clock, HOUR_MS);
  assert.ok(follower.allows(EDGE));
  assert.equal(follower.snapshot.version, versions, "nothing was published");
  const age = clock.now() - (follower.health("gateways/edge")?.freshAt ?? 0);
  assert.ok(age >= HOUR_MS - 1_000 && age <= HOUR_MS + 60_000, `the age is an hour: ${age}`);
  assert.ok(follower.failures("unreachable") > 300, `it is tried all the time: ${follower.failures("unreachable")}`);
  const told = follower.lines.filter(({ level }) => level !== "info").length;
  assert.ok(told <= 4 * 61, `once a minute and resource at most: ${told}`);
  await cluster.api.replace(edgeSlice(OTHER));
  await cluster.link.restore();
  const returned = clock.monotonic();
  while (!follower.allows(OTHER) && clock.monotonic() - returned < 60_000) await passWithAttempts(follower, clock, 500);
  assert.ok(follower.allows(OTHER) && !follower.allows(EDGE));
  assert.ok(clock.monotonic() - returned <= 11_000, "found within the longest wait");
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
  for (let tries = 0; tries < 500 && !follower.allows(OTHER); tries += 1) await passWithAttempts(follower, clock, 50);
  assert.ok(follower.allows(OTHER));
  assert.equal(follower.failures("stalled"), 0);
});

test("a quiet hour costs some fifty requests, on one connection, and the data is never older than a bookmark", async () => {
  const clock = new FakeClock();
  await using cluster = await StandInCluster.start({ clock });
  await using follower = await followWith(cluster, clock);
  const before = cluster.server.calls.length;
  let oldest = 0;
  for (let minute = 0; minute < 60; minute += 1) {
    await passWithAttempts(follower, clock, 60_000);
    await follower.until("watches are open", () => cluster.server.watches.length === 3);
    const ages = follower.discovery.health().map(({ freshAt = 0 }) => clock.now() - freshAt);
    oldest = Math.max(oldest, ...ages);
  }
  const requests = cluster.server.calls.length - before;
  // Three watches of five to ten minutes each, and the look for the fork's API every few minutes.
  assert.ok(requests >= 18 && requests <= 70, `${requests} requests`);
  assert.ok(oldest <= 70_000, `${oldest} ms`);
  assert.deepEqual([follower.failures("stalled"), follower.counted("list"), cluster.link.accepted], [0, 3, 1]);
});

test("an API that was never installed does not age with the server: what is looked for rarely is no sign of old data", async () => {
  await using cluster = await StandInCluster.start();
  const clock = new FakeClock();
  await using follower = await followWith(cluster, clock);
  await passWithAttempts(follower, clock, 30 * 60_000);
  await cluster.link.remove();
  // Long enough for its turn to come, and to fail.
  await passWithAttempts(follower, clock, 6 * 60_000);
  await follower.until("the outage is noticed", () => follower.failures("unreachable") > 0);
  const resources = follower.discovery.health().map(({ resource }) => resource);
  assert.ok(resources.includes("ingressbackends.policy.openservicemesh.io"), resources.join(", "));
  assert.ok(!resources.some((resource) => resource.includes("flomesh")), resources.join(", "));
});
