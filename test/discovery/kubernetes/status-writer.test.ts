/** Writing statuses on bad days. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../../support/api-server/follower.ts";
import { FakeClock } from "../../support/api-server/fake-clock.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { EDGE, edgeSlice, letInOn } from "./suite/objects.ts";

const FIRST = letInOn("a-first", 80, "gateways/edge");
const SECOND = letInOn("b-second", 81, "gateways/edge");

test("an object whose status the API server refuses keeps no other from its status", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(FIRST, SECOND, edgeSlice(EDGE));
  const message = 'admission webhook "guard" denied the request';
  cluster.server.intervene = ({ method, path }) =>
    method === "PATCH" && path.includes("a-first")
      ? { kind: "refuse", refusal: { status: 403, reason: "Forbidden", message } }
      : undefined;
  await using follower = await Follower.start({ credentials: cluster.credentials() });
  await follower.until("the refusal is told", () => follower.said(/cannot be written: .* denied/) !== undefined);
  assert.equal((await cluster.api.read(FIRST)).status, undefined);
  assert.equal((await cluster.api.read(SECOND)).status?.currentStatus, "committed");
});

test("a status that somebody else wrote over is written again once the time between two writes is over, with no other event", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(FIRST, edgeSlice(EDGE));
  const clock = new FakeClock();
  // Shorter than the waits of watches.
  const statusTiming = { repeatMs: 60_000 };
  await using follower = await Follower.start({ credentials: cluster.credentials(), clock, statusTiming });
  const writes = (): number => follower.discovery.counts().statusWrites;
  const passUntil = (what: string, isTrue: () => boolean): Promise<void> =>
    follower.until(what, () => {
      // Longer than whatever else waits for a moment: what is due then is the look at the status.
      clock.pass(500);
      return isTrue();
    });
  await passUntil("the status is written", () => writes() === 1);
  const writtenAt = clock.monotonic();
  await passUntil("our own write is seen", () => clock.due(60_000) === 0);
  const path = "/apis/policy.openservicemesh.io/v1alpha1/namespaces/test/ingressbackends/a-first/status";
  const theirs = { status: { currentStatus: "theirs", reason: "" } };
  await cluster.api.ask("PATCH", path, theirs, "application/merge-patch+json");
  await passUntil("theirs is seen, and left until it is time", () => clock.due(60_000) === 1);

  clock.pass(writtenAt + 59_000 - clock.monotonic());
  assert.equal(writes(), 1);
  await passUntil("ours is written again", () => writes() === 2);
  assert.equal((await cluster.api.read(FIRST)).status?.currentStatus, "committed");
});
