/** What is written back: statuses and Events, by one of many. The same answers from every API server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiCaller, ApiObject, ManifestLike } from "../../../support/api-server/api-caller.ts";
import { Follower } from "../../../support/api-server/follower.ts";
import type { TestCluster } from "../../../support/api-server/test-cluster.ts";
import { backend, policy, service } from "../../../support/mesh/objects.ts";
import { EDGE, OTHER, edgeSlice, letIn, letInOn, sliceOf } from "./objects.ts";

async function statusOf(api: ApiCaller, object: ManifestLike): Promise<readonly (string | undefined)[]> {
  const { status } = await api.read(object);
  return [status?.currentStatus, status?.reason];
}

interface EventObject extends ApiObject {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string; readonly uid: string };
}

async function eventsAbout(api: ApiCaller, uid: string): Promise<readonly EventObject[]> {
  const { items = [] } = await api.ask("GET", "/apis/events.k8s.io/v1/namespaces/test/events");
  return (items as readonly EventObject[]).filter(({ regarding }) => regarding.uid === uid);
}

const writes = (followers: readonly Follower[]): number =>
  followers.reduce((sum, follower) => sum + follower.discovery.counts().statusWrites, 0);

export function statuses(use: () => Promise<TestCluster>): void {
  test("status and Event say what OSM says, and change with what they describe", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"));
    await using follower = await Follower.start({ credentials: cluster.credentials(), podName: "foo-1" });
    await follower.until("the status is written", () => follower.discovery.counts().statusWrites === 1);
    assert.deepEqual(await statusOf(cluster.api, letIn()), ["error", "endpoints not found for service gateways/edge"]);
    await cluster.api.apply(edgeSlice(EDGE));
    await follower.until("it is written again", () => follower.discovery.counts().statusWrites === 2);
    assert.deepEqual(await statusOf(cluster.api, letIn()), ["committed", "successfully committed by the system"]);
    const { metadata } = await cluster.api.read(letIn());
    let events = await eventsAbout(cluster.api, metadata.uid);
    // The Event follows the status.
    for (let tries = 0; events.length < 2 && tries < 50; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      events = await eventsAbout(cluster.api, metadata.uid);
    }
    assert.equal(follower.said(/no Event/)?.message, undefined);
    assert.deepEqual(events.map(({ reason }) => reason).sort(), ["PolicyCommitted", "PolicyError"]);
    assert.ok(events.some(({ note }) => note === "endpoints not found for service gateways/edge"));
    assert.equal(metadata.generation, 1, "the spec was not touched");
  });

  test("a status says what is not as it should be and what its backends are, and one for no Service is told by whoever can", async () => {
    await using cluster = await use();
    const misspelt = policy([backend("fooo", 80, "http")], [service("gateways/edge")], "test/misspelt");
    await cluster.api.apply(
      letIn("gateways/edge"),
      edgeSlice(EDGE),
      sliceOf("test/foo", "foo-1", ["10.99.0.1"]),
      sliceOf("test/cart", "cart-1", ["10.99.0.2"]),
      { ...misspelt },
      { ...policy([backend("cart", 80, "http")], [service("gateways/edge")], "test/cart") },
    );
    await using follower = await Follower.start({ credentials: cluster.credentials(), podIps: ["10.99.0.1"] });
    await follower.until("both are written", () => follower.discovery.counts().statusWrites === 2);
    const { status } = await cluster.api.read(letIn());
    assert.deepEqual(status?.backends, [
      { port: 80, open: true, reason: "open", detail: "open to what its policy lists" },
    ]);
    assert.deepEqual(await statusOf(cluster.api, { ...misspelt }), [
      "error",
      "IngressBackend test/misspelt names Service fooo, which does not exist or has no EndpointSlice",
    ]);
    const strange = await statusOf(cluster.api, { ...policy([], [], "test/cart") });
    assert.deepEqual(strange, [undefined, undefined], "another application's object is its own sidecar's");
  });

  test("a status that says it already is left alone", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    {
      await using first = await Follower.start({ credentials: cluster.credentials() });
      await first.until("it is written", () => first.discovery.counts().statusWrites === 1);
    }
    const { resourceVersion } = (await cluster.api.read(letIn())).metadata;
    await using second = await Follower.start({ credentials: cluster.credentials() });
    await second.until("in force", () => second.allows(EDGE));
    // Another object's status is written, so that the writer has surely looked.
    await cluster.api.apply(letInOn("other", 81, "gateways/edge"));
    await second.until("the other one is written", () => second.discovery.counts().statusWrites > 0);
    assert.equal(second.discovery.counts().statusWrites, 1);
    assert.equal((await cluster.api.read(letIn())).metadata.resourceVersion, resourceVersion);
  });

  test("of twenty replicas one writes, and when the writer is gone another takes over", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    const credentials = cluster.credentials();
    const options = { credentials, leaseDurationMs: 1_000, statusTiming: { spreadMs: 300 } };
    const followers = await Promise.all(Array.from({ length: 20 }, () => Follower.start(options)));
    try {
      await Promise.all(followers.map((one) => one.until("in force", () => one.allows(EDGE), 20_000)));
      await followers[0]?.until("the status is written", () => writes(followers) > 0);
      const writer = followers.find((one) => one.discovery.counts().statusWrites > 0);
      assert.ok(writer !== undefined);
      await writer.discovery.stop();
      const others = followers.filter((one) => one !== writer);
      await cluster.api.replace({ ...edgeSlice(), endpoints: [] });
      await others[0]?.until("another one writes", () => writes(others) > 0, 10_000);
      assert.deepEqual(await statusOf(cluster.api, letIn()), [
        "error",
        "endpoints not found for service gateways/edge",
      ]);
      assert.equal(writes(followers), 2, "one write for each change, of twenty that saw it");
      await cluster.api.replace(edgeSlice(OTHER));
      await others[0]?.until("the third change is written", () => writes(followers) === 3, 10_000);
    } finally {
      await Promise.all(followers.map((one) => one.discovery.stop()));
    }
  });
}
