/** What is followed, and how changes arrive: the same answers from every API server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../../../support/api-server/follower.ts";
import type { TestCluster } from "../../../support/api-server/test-cluster.ts";
import { backend, policy, policyOf, range, service } from "../../../support/mesh/objects.ts";
import { EDGE, OTHER, edgeSlice, letIn, letInOn, sliceOf } from "./objects.ts";
import { readObjects } from "../../../../src/discovery/kubernetes/read-objects.ts";
import { buildWorld } from "../../../../src/discovery/world.ts";
import { peerAddress } from "../../../../src/policy/address/peer-address.ts";
import { authorize } from "../../../../src/policy/authorize.ts";
import { compile } from "../../../../src/policy/compile/compile.ts";
import { backendPort } from "../../../../src/policy/model.ts";
import { MOST_CONNECTIONS } from "../../../support/api-server/link.ts";

export function following(use: () => Promise<TestCluster>): void {
  test("a policy and its endpoints are in force, and follow every change", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    assert.equal(follower.worlds.length, 1, "nothing is published before every source has answered");
    await cluster.api.replace(edgeSlice(OTHER));
    await follower.until("its successor is", () => follower.allows(OTHER));
    assert.equal(follower.allows(EDGE), false);
    await cluster.api.delete(letIn("gateways/edge"));
    await follower.until("without a policy nobody is", () => !follower.allows(OTHER));
  });

  test("all watches share two connections at most", async () => {
    await using cluster = await use();
    await cluster.api.apply(letIn("gateways/edge", "gateways/second", "gateways2/third"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    assert.ok(follower.counted("watch") >= 5, "policies, own Services and three sources are watched");
    assert.ok(cluster.link.accepted <= MOST_CONNECTIONS);
    assert.ok(follower.discovery.counts().openConnections <= MOST_CONNECTIONS);
  });

  test("the Services of this pod are found by its address, and a pod that leaves one is governed by it no longer", async () => {
    await using cluster = await use();
    const own = sliceOf("test/foo", "foo-1", ["10.99.1.1", "10.99.1.2"]);
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE), own);
    await using follower = await Follower.start({ credentials: cluster.credentials(), podIps: ["10.99.1.2"] });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    assert.deepEqual(follower.services, ["foo"]);
    await cluster.api.replace(sliceOf("test/foo", "foo-1", ["10.99.1.1"]));
    await follower.until("the Service is not ours any more", () => follower.services.length === 0);
    assert.equal(follower.allows(EDGE), false);
  });

  test("a dual-stack pod is found by either address, however it is written, so also behind a Service of the other family alone", async () => {
    await using cluster = await use();
    const own = { ...sliceOf("test/foo", "foo-6", ["fd00::6"]), addressType: "IPv6" };
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE), own);
    const podIps = ["10.99.1.2", "fd00:0:0:0:0:0:0:6"];
    await using follower = await Follower.start({ credentials: cluster.credentials(), podIps });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    assert.deepEqual(follower.services, ["foo"]);
    await cluster.api.apply(sliceOf("test/foo", "foo-4", ["10.99.1.2"]));
    await cluster.api.delete(own);
    await cluster.api.apply(letIn("gateways/edge", "gateways/second"), sliceOf("gateways/second", "second-1", [OTHER]));
    await follower.until("the policy of after is in force", () => follower.allows(OTHER));
    assert.ok(follower.allows(EDGE));
  });

  test("sources are watched as long as a policy of ours names them, and no longer", async () => {
    await using cluster = await use();
    const foreign = policy([backend("somebody-else", 80, "http")], [service("gateways2/unasked")], "test/foreign");
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE), { ...foreign });
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the gateway is let in", () => follower.allows(EDGE));
    assert.equal(follower.health("gateways2/unasked"), undefined);
    await cluster.api.apply(letInOn("second", 81, "gateways/late"), sliceOf("gateways/late", "late-1", [OTHER]));
    await follower.until("the second policy is in force", () => follower.allows(OTHER, 81));
    await cluster.api.delete(letInOn("second", 81, "gateways/late"));
    await follower.until("its source is let go", () => follower.health("gateways/late") === undefined);
    assert.ok(follower.allows(EDGE));
  });

  test("a source is the union of its slices, and a slice whose label changes leaves it", async () => {
    await using cluster = await use();
    const second = sliceOf("gateways/edge", "edge-2", [OTHER]);
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE), second);
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("both are let in", () => follower.allows(EDGE) && follower.allows(OTHER));
    await cluster.api.replace(sliceOf("gateways/other", "edge-2", [OTHER]));
    await follower.until("the relabelled slice is out", () => !follower.allows(OTHER));
    assert.ok(follower.allows(EDGE));
  });

  test("with a mesh name, the label of the source's namespace decides as it comes and goes", async () => {
    await using cluster = await use();
    const labelled = (mesh: string) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "gateways", labels: { "openservicemesh.io/monitored-by": mesh } },
    });
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    await using follower = await Follower.start({ credentials: cluster.credentials(), meshName: "osm" });
    await follower.until("the policy is known", () => follower.snapshot.rules.has(backendPort(80)));
    assert.equal(follower.allows(EDGE), false);
    await cluster.api.replace(labelled("osm"));
    await follower.until("the namespace joined", () => follower.allows(EDGE));
    await cluster.api.replace(labelled("another"));
    await follower.until("the namespace left", () => !follower.allows(EDGE));
  });

  test("the fork's objects govern too once its API appears, and stop when it goes", async () => {
    await using cluster = await use();
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("following", () => follower.worlds.length > 0);
    await cluster.defineFork(true);
    const object = { ...letIn("gateways/edge"), apiVersion: "policy.flomesh.io/v1alpha1" };
    await cluster.api.apply(object, edgeSlice(EDGE));
    await follower.until("the fork's policy is in force", () => follower.allows(EDGE));
    await cluster.defineFork(false);
    await follower.until("it went with its definition", () => !follower.allows(EDGE));
    await follower.until(
      "an API that nobody has to install is no trouble",
      () => follower.health("flomesh") === undefined,
    );
  });

  test("two objects that claim one backend: the older governs, and the loser's status names it", async () => {
    await using cluster = await use();
    await cluster.api.apply(
      letInOn("a-first", 80, "gateways/edge"),
      edgeSlice(EDGE),
      sliceOf("gateways/x", "x-1", [OTHER]),
    );
    // Creation times have whole seconds; within one, the name decides.
    await cluster.api.apply(letInOn("b-second", 80, "gateways/x"));
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the elder is in force", () => follower.allows(EDGE));
    assert.equal(follower.allows(OTHER), false);
    const loser = letInOn("b-second", 80, "gateways/x");
    const reason = async (): Promise<string> => (await cluster.api.read(loser)).status?.reason ?? "";
    await follower.until("the loser was written to", () => follower.discovery.counts().statusWrites === 2);
    assert.match(await reason(), /already governed by IngressBackend test\/a-first/);
  });

  test("of one name in both groups that object governs which a look at the cluster finds, and the other's status says so", async () => {
    await using cluster = await use();
    await cluster.defineFork(true);
    const fork = { ...letIn("gateways/x"), apiVersion: "policy.flomesh.io/v1alpha1" };
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE), sliceOf("gateways/x", "x-1", [OTHER]), fork);
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("both were written to", () => follower.discovery.counts().statusWrites >= 2);
    const objects = await readObjects({
      credentials: cluster.credentials(),
      namespace: "test",
      signal: AbortSignal.timeout(60_000),
    });
    const look = compile(buildWorld(objects), { namespace: "test", services: ["foo"] }, 1);
    // Creation times have whole seconds: within one neither governs.
    const caller = { address: peerAddress(EDGE) };
    assert.equal(follower.allows(EDGE), authorize(look, backendPort(80), caller).verdict === "forward");
    assert.equal(follower.allows(OTHER), false);
    const { status } = await cluster.api.read(fork);
    assert.match(
      status?.reason ?? "",
      /^this object has no effect: IngressBackend test\/ib of policy\.openservicemesh\.io is/,
    );
  });

  test("an object of the wrong shape that slipped past admission closes its backend alone", async () => {
    await using cluster = await use();
    const odd = policyOf({ backends: [backend("foo", 81, "http")], sources: [range("not-a-range")] }, "test/odd");
    await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
    const { status } = await cluster.api.call(
      "POST",
      "/apis/policy.openservicemesh.io/v1alpha1/namespaces/test/ingressbackends",
      odd,
    );
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("the good one is in force", () => follower.allows(EDGE));
    assert.notEqual(follower.snapshot.rules.get(backendPort(81))?.state, "open", `admission said ${status}`);
  });

  test("deleting a source's namespace ends what came from it, and only that", async () => {
    await using cluster = await use();
    await cluster.api.apply(
      letIn("gateways/edge", "gateways2/spare"),
      edgeSlice(EDGE),
      sliceOf("gateways2/spare", "spare-1", [OTHER]),
    );
    await using follower = await Follower.start({ credentials: cluster.credentials() });
    await follower.until("both are let in", () => follower.allows(EDGE) && follower.allows(OTHER));
    await cluster.api.ask("DELETE", "/api/v1/namespaces/gateways2");
    await follower.until("the namespace's gateway is out", () => !follower.allows(OTHER), 20_000);
    assert.ok(follower.allows(EDGE));
  });
}
