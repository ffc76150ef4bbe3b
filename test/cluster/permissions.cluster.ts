/** The shipped roles are enough, and nothing in them is too much: each right is taken away once, and is missing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ApiCaller, type ManifestLike } from "../support/api-server/api-caller.ts";
import { Follower, type FollowerOptions } from "../support/api-server/follower.ts";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import type { TestCluster } from "../support/api-server/test-cluster.ts";
import { startApplication } from "../support/application/application.ts";
import { call, tryCall } from "../support/caller/caller.ts";
import { backend, policy, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { EDGE, OTHER, edgeSlice, letIn, letInOn, sliceOf } from "../discovery/kubernetes/suite/objects.ts";
import { grant, nameOf, rightsOf, shippedRights } from "./rights.ts";
import { sharedCluster } from "./shared-cluster.ts";
import { backendPort } from "../../src/policy/model.ts";
import { until } from "../support/until.ts";

const cluster = sharedCluster();

/** The pod of the tests, which backs the Service `foo`. */
const POD = "10.99.2.1";
const own = sliceOf("test/foo", "foo-1", [POD]);
const ADVICE =
  /403.*; bind ClusterRole postern[a-z-]* \(config\/kubernetes\/(?:roles|mesh)\.yaml\): kubectl create .*--serviceaccount=test:postern/;

/** After a refusal nothing is asked again while a test lasts: what a watch would have brought stays away. */
const PATIENT = { backoffBaseMs: 3_600_000, backoffCapMs: 3_600_000 };

const joined = (mesh: string): ManifestLike => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "gateways", labels: { "openservicemesh.io/monitored-by": mesh } },
});

const ofFork = (object: ManifestLike): ManifestLike => ({ ...object, apiVersion: "policy.flomesh.io/v1alpha1" });

class Scene {
  readonly cluster: TestCluster;

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  get api(): ApiCaller {
    return this.cluster.api;
  }

  follow(options: Partial<FollowerOptions> = {}): Promise<Follower> {
    return Follower.start({
      credentials: this.cluster.credentials(),
      podIps: [POD],
      timing: PATIENT,
      random: () => 0.5,
      ...options,
    });
  }

  async status(object: ManifestLike): Promise<string | undefined> {
    return (await this.api.read(object)).status?.currentStatus;
  }
}

const refused = (follower: Follower, resource: string) =>
  follower.until(`${resource}: the refusal is told`, () =>
    follower.lines.some((line) => line.resource?.includes(resource) === true && ADVICE.test(line.message)),
  );

const EVENTS = "/apis/events.k8s.io/v1/namespaces/test/events";
const OSM = "ingressbackends.policy.openservicemesh.io";
const FORK = "ingressbackends.policy.flomesh.io";
const SLICES = "endpointslices.discovery.k8s.io";

/** By right: what no longer works without it, and what still does. */
const SHOWN: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  [`postern: list ${OSM}`]: async (scene) => {
    await using follower = await scene.follow();
    await refused(follower, OSM);
    assert.equal(follower.worlds.length, 0, "no policy is known, so nobody is let in");
  },

  [`postern: watch ${OSM}`]: async (scene) => {
    await using follower = await scene.follow();
    await refused(follower, OSM);
    await follower.until("what was listed is in force", () => follower.allows(EDGE));
    await scene.api.apply(letInOn("second", 81, "gateways/edge"));
    await scene.api.replace(edgeSlice(OTHER));
    await follower.until("endpoints are followed", () => follower.allows(OTHER));
    assert.equal(follower.snapshot.rules.has(backendPort(81)), false, "a new policy is not");
  },

  [`postern: list ${FORK}`]: async (scene) => {
    await scene.cluster.defineFork(true);
    await scene.api.apply(ofFork(letInOn("fork", 81, "gateways/edge")));
    await using follower = await scene.follow();
    await refused(follower, FORK);
    await follower.until("OSM's own object is in force", () => follower.allows(EDGE));
    assert.equal(follower.snapshot.rules.has(backendPort(81)), false, "the fork's is not");
  },

  [`postern: watch ${FORK}`]: async (scene) => {
    await scene.cluster.defineFork(true);
    await using follower = await scene.follow();
    await refused(follower, FORK);
    await scene.api.apply(ofFork(letInOn("fork", 81, "gateways/edge")), letInOn("second", 82, "gateways/edge"));
    await follower.until("OSM's own object is in force", () => follower.allows(EDGE, 82));
    assert.equal(follower.snapshot.rules.has(backendPort(81)), false, "the fork's is not");
  },

  [`postern: patch ingressbackends/status.policy.openservicemesh.io`]: async (scene) => {
    await statusRefused(scene);
    assert.equal(await scene.status(letIn()), undefined);
  },

  [`postern: patch ingressbackends/status.policy.flomesh.io`]: async (scene) => {
    await scene.cluster.defineFork(true);
    const object = ofFork(letInOn("fork", 81, "gateways/edge"));
    await scene.api.apply(object);
    await statusRefused(scene);
    assert.equal(await scene.status(letIn()), "committed", "OSM's own object has its status");
    assert.equal(await scene.status(object), undefined);
  },

  "postern: create events.events.k8s.io": async (scene) => {
    const { uid } = (await scene.api.read(letIn())).metadata;
    await using follower = await scene.follow();
    await follower.until("the refusal is told", () => follower.said(/no Event could be made/) !== undefined);
    assert.match(follower.said(/no Event could be made/)?.message ?? "", ADVICE);
    assert.equal(await scene.status(letIn()), "committed", "the status is written all the same");
    const { items = [] } = await scene.api.ask("GET", EVENTS);
    assert.equal(JSON.stringify(items).includes(uid), false);
  },

  "postern: get leases.coordination.k8s.io": async (scene) => {
    await statusRefused(scene);
    assert.equal(await scene.status(letIn()), undefined);
  },

  "postern: create leases.coordination.k8s.io": async (scene) => {
    await statusRefused(scene);
    assert.equal(await scene.status(letIn()), undefined);
  },

  "postern: update leases.coordination.k8s.io": async (scene) => {
    await using follower = await scene.follow();
    await follower.until("the first status is written", () => follower.discovery.counts().statusWrites === 1);
    await scene.api.replace({ ...edgeSlice(), endpoints: [] });
    await follower.until("the refusal is told", () => follower.said(/status .* cannot be written/) !== undefined);
    assert.match(follower.said(/status .* cannot be written/)?.message ?? "", ADVICE);
    assert.equal(await scene.status(letIn()), "committed", "the lease cannot be renewed, so the first status stays");
  },

  [`postern: list ${SLICES}`]: async (scene) => {
    await using follower = await scene.follow();
    await refused(follower, "endpointslices of own services");
    assert.equal(follower.worlds.length, 0, "whose pod this is stays unknown, so nobody is let in");
  },

  [`postern: watch ${SLICES}`]: async (scene) => {
    await using follower = await scene.follow();
    await refused(follower, "endpointslices of own services");
    await follower.until("what was listed is in force", () => follower.allows(EDGE));
    await scene.api.replace(sliceOf("test/foo", "foo-1", ["10.99.2.2"]));
    await scene.api.replace(edgeSlice(OTHER));
    await follower.until("the source is followed", () => follower.allows(OTHER));
    assert.deepEqual(follower.services, ["foo"], "that the pod left its Service is not seen");
  },

  [`postern-sources: list ${SLICES}`]: async (scene) => {
    await scene.api.apply({ ...policy([backend("foo", 81, "http")], [range("10.99.0.0/24")], "test/ranges") });
    await using follower = await scene.follow();
    await refused(follower, "endpointslices gateways/edge");
    await follower.until("what needs no slices is in force", () => follower.allows(EDGE, 81));
    assert.equal(follower.allows(EDGE), false, "the Service's addresses are unknown");
  },

  [`postern-sources: watch ${SLICES}`]: async (scene) => {
    await using follower = await scene.follow();
    await refused(follower, "endpointslices gateways/edge");
    await follower.until("what was listed is in force", () => follower.allows(EDGE));
    await scene.api.replace(edgeSlice(OTHER));
    await scene.api.apply(letInOn("second", 81, "gateways/edge"));
    await follower.until("policies are followed", () => follower.allows(EDGE, 81));
    assert.equal(follower.allows(OTHER), false, "the gateway's new pod is not seen");
  },

  "postern-mesh: list namespaces": async (scene) => {
    await scene.api.replace(joined("osm"));
    await using follower = await scene.follow({ meshName: "osm" });
    await refused(follower, "namespaces gateways");
    await follower.until("the policy is known", () => follower.snapshot.rules.has(backendPort(80)));
    assert.equal(follower.allows(EDGE), false, "whether the namespace is in the mesh is unknown");
  },

  "postern-mesh: watch namespaces": async (scene) => {
    await scene.api.replace(joined("osm"));
    await using follower = await scene.follow({ meshName: "osm" });
    await refused(follower, "namespaces gateways");
    await follower.until("what was listed is in force", () => follower.allows(EDGE));
    await scene.api.replace(joined("another"));
    await scene.api.apply(letInOn("second", 81, "gateways/edge"));
    await follower.until("policies are followed", () => follower.snapshot.rules.has(backendPort(81)));
    assert.ok(follower.allows(EDGE), "that the namespace left the mesh is not seen");
  },
};

/** Policies are in force, and the log names the refusal and what to apply. */
async function statusRefused(scene: Scene): Promise<void> {
  await using follower = await scene.follow();
  await follower.until("the refusal is told", () => follower.said(/status .* cannot be written/) !== undefined);
  const message = follower.said(/status .* cannot be written/)?.message ?? "";
  assert.match(message, ADVICE);
  assert.match(message, /policies are enforced all the same/);
  assert.ok(follower.allows(EDGE));
}

test("with the shipped manifests a whole process works: forwards, reports, and is refused nothing", async () => {
  await grant(cluster(), { sources: "everywhere" });
  await using borrowed = await cluster().borrow();
  await borrowed.api.replace(joined("osm"));
  await borrowed.defineFork(true);
  await borrowed.api.apply(letIn("gateways/edge"), edgeSlice(EDGE), own);
  await using application = await startApplication();
  using directory = temporaryDirectory();
  const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), borrowed.credentials());
  await using sidecar = await startSidecar({
    manifests: undefined,
    services: [],
    backends: [{ app: application.port }],
    flags: ["--kubernetes", `--kubeconfig=${kubeconfig}`, `--pod-ip=${POD}`, "--pod-name=foo-1", "--mesh-name=osm"],
  });
  assert.equal((await call({ port: sidecar.port(), from: EDGE })).status, 200);
  assert.ok("error" in (await tryCall({ port: sidecar.port(), from: OTHER })));
  await sidecar.log.next({ event: "status-written", currentStatus: "committed" });
  const from = sidecar.log.lines.length;
  await borrowed.api.replace(edgeSlice(OTHER));
  await sidecar.snapshotInForce(from);
  assert.equal((await call({ port: sidecar.port(), from: OTHER })).status, 200);
  const warnings = sidecar.log.all(({ level }) => level === "warn" || level === "error");
  // The caller that had to be refused is the only one who was.
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ["no certificate is configured: https backends stay closed", "connection refused"],
  );
  // It is written behind the status, and nobody is told when.
  await until("the Event was made", async () => {
    const { items = [] } = await borrowed.api.ask("GET", EVENTS);
    return JSON.stringify(items).includes("PolicyCommitted");
  });
});

/** What the API server says that an account may do in a namespace. */
async function rightsIn(namespace: string, token: string): Promise<readonly string[]> {
  const { plane } = cluster();
  const account = new ApiCaller({ port: () => plane.port, ca: () => plane.authority.certPem, token });
  const { status } = await account.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectRulesReview",
    spec: { namespace },
  });
  const { resourceRules } = status as { readonly resourceRules: Parameters<typeof rightsOf>[1] };
  return rightsOf("", resourceRules).map(nameOf);
}

test("the account may do what the manifests say, and nothing else beyond what every account may", async () => {
  await grant(cluster(), { sources: "everywhere" });
  await cluster().api.apply({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "anybody", namespace: "test" },
  });
  const [ours, anybodys] = await Promise.all([cluster().token(600), cluster().token(600, "anybody")]);
  const everywhere = ["postern-sources", "postern-mesh"];
  for (const [namespace, roles] of [
    ["test", ["postern", ...everywhere]],
    ["gateways", everywhere],
    ["kube-system", everywhere],
  ] as const) {
    const common = await rightsIn(namespace, anybodys);
    const extra = (await rightsIn(namespace, ours)).filter((right) => !common.includes(right));
    const shipped = shippedRights().filter(({ role }) => roles.includes(role));
    assert.deepEqual(new Set(extra), new Set(shipped.map((right) => nameOf({ ...right, role: "" }))), namespace);
  }
});

describe("each right is needed", () => {
  test("each has its test", () => {
    assert.deepEqual(Object.keys(SHOWN).sort(), shippedRights().map(nameOf).sort());
  });

  for (const right of shippedRights()) {
    test(`without "${nameOf(right)}" something is missing, and the log says what to apply`, async () => {
      // Where gateways are bound everywhere, that includes the own namespace.
      await grant(cluster(), { without: right, sources: "by-namespace" });
      await using borrowed = await cluster().borrow();
      await borrowed.api.apply(letIn("gateways/edge"), edgeSlice(EDGE), own);
      const show = SHOWN[nameOf(right)];
      assert.ok(show !== undefined, `nobody shows what ${nameOf(right)} is for`);
      await show(new Scene(borrowed));
    });
  }
});

test("with gateways bound by namespace, a source in one that is not bound is closed, and only that", async () => {
  await grant(cluster(), { sources: "by-namespace" });
  await using borrowed = await cluster().borrow();
  await borrowed.api.apply(
    letIn("gateways/edge", "gateways2/spare"),
    edgeSlice(EDGE),
    sliceOf("gateways2/spare", "spare-1", [OTHER]),
    own,
  );
  await using follower = await new Scene(borrowed).follow();
  await refused(follower, "endpointslices gateways2/spare");
  await follower.until("the bound one is let in", () => follower.allows(EDGE));
  assert.equal(follower.allows(OTHER), false);
  assert.equal(follower.failures("forbidden"), 1, "nothing else is refused");
  assert.match(follower.health("gateways2/spare")?.failure ?? "", /^forbidden/);
  await borrowed.api.replace(edgeSlice(EDGE, "10.99.0.12"));
  await follower.until("and is followed", () => follower.allows("10.99.0.12"));
});
