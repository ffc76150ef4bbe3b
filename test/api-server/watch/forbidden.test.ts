/** Rights that are taken away while they are used: what may not be read any more lets nobody in. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Attributes } from "../../support/api-server/accounts.ts";
import { isWatch } from "../../support/api-server/call.ts";
import { FakeClock } from "../../support/api-server/fake-clock.ts";
import { Follower, type FollowerOptions } from "../../support/api-server/follower.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { Forbidden } from "../../../src/api-server/watch/forbidden.ts";
import { EDGE, OTHER, edgeSlice, letIn, sliceOf } from "../../discovery/kubernetes/suite/objects.ts";

const FORBIDDEN = {
  kind: "refuse",
  refusal: { status: 403, reason: "Forbidden", message: "cannot watch resource" },
} as const;

/** Both gateways are let in and everything is watched. */
async function inForce(cluster: StandInCluster, options: Partial<FollowerOptions> = {}): Promise<Follower> {
  await cluster.api.apply(
    letIn("gateways/edge", "gateways2/spare"),
    edgeSlice(EDGE),
    sliceOf("gateways2/spare", "spare-1", [OTHER]),
  );
  if (options.podIps !== undefined) await cluster.api.apply(sliceOf("test/foo", "foo-1", options.podIps));
  const follower = await Follower.start({ credentials: cluster.credentials(), ...options });
  const watches = options.meshName === undefined ? 4 : 6;
  await follower.until(
    "both are let in",
    () => follower.allows(EDGE) && follower.allows(OTHER) && cluster.server.watches.length === watches,
  );
  return follower;
}

/** The role that the account is bound to changes, and the watches under way end in their turn. */
function allowOnly(cluster: StandInCluster, may: (attributes: Attributes) => boolean): void {
  cluster.server.accounts.grant(cluster.credentials().token, { name: "sidecar", may });
  cluster.server.endWatches();
}

const everything = (): boolean => true;

test("a source that becomes forbidden closes, alone, with its reason in words, and opens when it is allowed again", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  allowOnly(cluster, ({ namespace }) => namespace !== "gateways2");
  await follower.until("the source is closed", () => !follower.allows(OTHER));
  assert.ok(follower.allows(EDGE), "the other source stays");
  const reason =
    "source service gateways2/spare: endpointslices gateways2/spare may not be read: the API server forbids it (403)";
  assert.equal(follower.snapshot.statuses[0]?.reason, reason);
  assert.ok(
    follower.said(/gateways2\/spare: forbidden \(403\) for 0\.3 s, .* lets nobody in; apply config\/kubernetes/),
  );
  assert.equal(follower.health("gateways2/spare")?.synced, false);
  assert.match(follower.health("gateways2/spare")?.failure ?? "", /^forbidden: /);
  allowOnly(cluster, everything);
  await follower.until("it is open again", () => follower.allows(OTHER));
  assert.equal(follower.health("gateways2/spare")?.synced, true);
});

test("policies that may not be read any more close what they governed", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  allowOnly(cluster, ({ resource }) => resource !== "ingressbackends");
  await follower.until("nobody is let in", () => !follower.allows(EDGE) && !follower.allows(OTHER));
  assert.equal(
    follower.snapshot.statuses[0]?.reason,
    "ingressbackends.policy.openservicemesh.io may not be read: the API server forbids it (403)",
  );
  allowOnly(cluster, everything);
  await follower.until("they are in force again", () => follower.allows(EDGE) && follower.allows(OTHER));
});

test("where it may not be read any more which Services the pod backs, nothing governs it for certain: all is closed", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster, { podIps: ["10.99.1.1"] });
  allowOnly(cluster, ({ resource, namespace }) => resource !== "endpointslices" || namespace !== "test");
  await follower.until("nobody is let in", () => !follower.allows(EDGE) && !follower.allows(OTHER));
  assert.equal(
    follower.snapshot.statuses[0]?.reason,
    "endpointslices of own services may not be read: the API server forbids it (403)",
  );
  allowOnly(cluster, everything);
  await follower.until("they are in force again", () => follower.allows(EDGE) && follower.allows(OTHER));
});

test("with a mesh name, a namespace whose label may not be read any more closes its sources", async () => {
  await using cluster = await StandInCluster.start();
  for (const name of ["gateways", "gateways2"]) {
    const labels = { "openservicemesh.io/monitored-by": "osm" };
    await cluster.api.replace({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
  }
  await using follower = await inForce(cluster, { meshName: "osm" });
  allowOnly(cluster, ({ resource, name }) => resource !== "namespaces" || name !== "gateways2");
  await follower.until("its source is closed", () => !follower.allows(OTHER));
  assert.ok(follower.allows(EDGE));
  assert.match(
    follower.snapshot.statuses[0]?.reason ?? "",
    /source service gateways2\/spare: namespaces gateways2 may not/,
  );
});

test("a single 403 closes nothing", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  const worlds = follower.worlds.length;
  let refused = 0;
  cluster.server.intervene = (call) => {
    if (!isWatch(call) || !call.path.includes("/gateways2/") || refused > 0) return undefined;
    refused += 1;
    return FORBIDDEN;
  };
  cluster.server.endWatches();
  await follower.until("it is watched again", () => refused === 1 && cluster.server.watches.length === 4);
  assert.equal(follower.failures("forbidden"), 1);
  assert.equal(follower.worlds.length, worlds, "nothing was published");
  assert.equal(follower.said(/lets nobody in/), undefined);
});

test("a server that falls silent after its 403 does not keep the source open", async () => {
  await using cluster = await StandInCluster.start();
  await using follower = await inForce(cluster);
  const ofSpare = (path: string): boolean => path.includes("/gateways2/");
  let refused = 0;
  cluster.server.intervene = ({ path }) => {
    if (!ofSpare(path)) return undefined;
    refused += 1;
    return refused === 1 ? FORBIDDEN : { kind: "hang" };
  };
  cluster.server.endWatches();
  await follower.until("the source is closed", () => !follower.allows(OTHER));
  assert.ok(follower.allows(EDGE));
});

suite("the grace", () => {
  test("a copy that was complete stands until it is over, however often it is refused meanwhile", () => {
    const clock = new FakeClock();
    let told = 0;
    const forbidden = new Forbidden(clock, 100, () => (told += 1));
    forbidden.refused(true);
    clock.pass(60);
    forbidden.refused(true);
    clock.pass(39);
    assert.equal(forbidden.stands, false);
    clock.pass(1);
    assert.deepEqual([forbidden.stands, told], [true, 1]);
  });

  test("where nothing was known there is none", () => {
    const forbidden = new Forbidden(new FakeClock(), 100, () => assert.fail("nobody has to be told"));
    forbidden.refused(false);
    assert.equal(forbidden.stands, true);
  });

  test("begins anew after the resource could be read", () => {
    const clock = new FakeClock();
    const forbidden = new Forbidden(clock, 100, () => {});
    forbidden.refused(true);
    clock.pass(99);
    forbidden.ended();
    forbidden.refused(true);
    clock.pass(99);
    assert.equal(forbidden.stands, false);
    clock.pass(1);
    assert.equal(forbidden.stands, true);
    forbidden.ended();
    assert.equal(forbidden.stands, false);
  });
});
