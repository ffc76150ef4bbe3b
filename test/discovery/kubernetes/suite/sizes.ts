/** Much at once: the same answers from every API server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManifestLike } from "../../../support/api-server/api-caller.ts";
import { Follower } from "../../../support/api-server/follower.ts";
import type { TestCluster } from "../../../support/api-server/test-cluster.ts";
import { backend, policyOf, service } from "../../../support/mesh/objects.ts";
import { EDGE, OTHER, edgeSlice, letIn, sliceOf } from "./objects.ts";
import { backendPort } from "../../../../src/policy/model.ts";

export interface Sizes {
  /** Changes in one burst; a real server takes some hundred a second from one client. */
  readonly burst: number;
}

export function sizes(use: () => Promise<TestCluster>, { burst }: Sizes): void {
  test("ten thousand endpoints in a hundred slices are in force together, and one of them leaves by itself", async () => {
    await using cluster = await use();
    const names = Array.from({ length: 100 }, (_, slice) =>
      Array.from({ length: 100 }, (_, endpoint) => `10.100.${String(slice)}.${String(endpoint + 1)}`),
    );
    await Promise.all(
      names.map((addresses, index) => cluster.api.apply(sliceOf("gateways/edge", `edge-${String(index)}`, addresses))),
    );
    await cluster.api.apply(letIn("gateways/edge"));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the last one is let in", () => follower.allows("10.100.99.100"), 20_000);
    assert.ok(names.flat().every((address) => follower.allows(address)));
    assert.equal(follower.worlds.length, 1);
    await cluster.api.replace(sliceOf("gateways/edge", "edge-42", names[42]?.slice(1) ?? []));
    await follower.until("one is out", () => !follower.allows("10.100.42.1"));
    assert.ok(follower.allows("10.100.42.2"));
  });

  test("a list longer than a page is read whole", async () => {
    await using cluster = await use();
    const addresses = Array.from({ length: 230 }, (_, index) => `10.101.${String(index)}.1`);
    const slices = addresses.map((address, index) => sliceOf("gateways/edge", `edge-${String(index)}`, [address]));
    await Promise.all(slices.map((slice) => cluster.api.apply(slice)));
    await cluster.api.apply(letIn("gateways/edge"));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("all are let in", () => addresses.every((address) => follower.allows(address)));
  });

  test(`${String(burst)} changes in a burst end in the last state, with fewer snapshots than changes`, async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    const counted = follower.counted("event");
    for (let change = 0; change < burst; change += 50) {
      const batch = Array.from({ length: 50 }, (_, index) =>
        cluster.api.apply(
          sliceOf("gateways/edge", `b-${String(index)}`, [`10.102.${String(change % 250)}.${String(index + 1)}`]),
        ),
      );
      await Promise.all(batch);
    }
    await cluster.api.replace(edgeSlice(OTHER));
    await follower.until("the last change is in force", () => follower.allows(OTHER) && !follower.allows(EDGE), 20_000);
    await follower.until("all were counted", () => follower.counted("event") - counted >= burst);
    const last = (burst - 50) % 250;
    assert.ok(follower.allows(`10.102.${String(last)}.50`));
    assert.ok(follower.worlds.length < burst, `${String(follower.worlds.length)} snapshots`);
  });

  test("an object larger than a megabyte is an object like any other", async () => {
    await using cluster = await use();
    const matches = Array.from({ length: 12_000 }, (_, index) => ({
      apiGroup: "specs.smi-spec.io/v1alpha4",
      kind: "HTTPRouteGroup",
      name: `a-rather-long-name-of-a-route-group-${String(index)}`,
    }));
    const spec = { backends: [backend("foo", 80, "http")], sources: [service("gateways/edge")], matches };
    const large: ManifestLike = { ...policyOf(spec, "test/ib") };
    assert.ok(JSON.stringify(large).length > 1_048_576);
    await cluster.api.apply(letIn("gateways/other"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the small one is in force", () => follower.snapshot.rules.has(backendPort(80)));
    await cluster.api.replace(large);
    await follower.until("the large one is in force", () => follower.allows(EDGE));
  });
}
