/** A StatefulSet's pods, each named by objects of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../../support/api-server/follower.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { backend, policy, service } from "../../support/mesh/objects.ts";
import { EDGE, edgeSlice } from "./suite/objects.ts";

test("an object that names one pod opens that pod alone, and that pod writes its status, whoever holds the others' Lease", async () => {
  await using cluster = await StandInCluster.start();
  const own = policy([backend("foo-1.foo", 80, "http")], [service("gateways/edge")], "test/second");
  const shared = policy([backend("foo", 81, "http")], [service("gateways/edge")], "test/shared");
  await cluster.api.apply({ ...shared }, edgeSlice(EDGE));
  const credentials = cluster.credentials();
  await using first = await Follower.start({ credentials, podName: "foo-0" });
  await first.until("the first pod has written", () => first.discovery.counts().statusWrites === 1);
  await cluster.api.apply({ ...own });
  await using second = await Follower.start({ credentials, podName: "foo-1" });
  await second.until("its port is open", () => second.allows(EDGE));
  await second.until("its status is written", () => second.discovery.counts().statusWrites === 1);
  assert.equal(first.allows(EDGE), false);
  assert.ok(first.allows(EDGE, 81) && second.allows(EDGE, 81));
  assert.equal((await cluster.api.read({ ...own })).status?.currentStatus, "committed");
});
