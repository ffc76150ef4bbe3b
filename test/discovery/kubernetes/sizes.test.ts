import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../../support/api-server/follower.ts";
import { typeOfManifest } from "../../support/api-server/resource-types.ts";
import type { Draft, StoredObject } from "../../support/api-server/store.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { EDGE, edgeSlice, letIn } from "./suite/objects.ts";
import { sizes } from "./suite/sizes.ts";

sizes(() => StandInCluster.start(), { burst: 1_000 });

test("ten thousand events are fewer than 500 snapshots, and the last one is right", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  await using follower = await Follower.start({ credentials: cluster.credentials() });
  await follower.until("all is watched", () => follower.allows(EDGE) && cluster.server.watches.length === 3);
  const before = follower.counted("event");
  const { store } = cluster.server;
  const slices = typeOfManifest("discovery.k8s.io/v1", "EndpointSlice");
  let slice = store.get(slices, "gateways", "edge-1") as StoredObject;
  for (let change = 0; change < 10_000; change += 1) {
    const next = edgeSlice(`10.103.${change % 250}.${1 + (change % 200)}`) as Draft;
    slice = store.update(slices, slice, next);
    if (change % 500 === 499) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await follower.until("all were seen", () => follower.counted("event") - before >= 10_000, 15_000);
  await follower.until("the last one is in force", () => follower.allows("10.103.249.200"));
  assert.equal(follower.allows(EDGE), false);
  assert.ok(follower.worlds.length < 500, `${follower.worlds.length} snapshots`);
});
