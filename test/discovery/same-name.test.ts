import assert from "node:assert/strict";
import { test } from "node:test";
import { buildWorld } from "../../src/discovery/world.ts";
import type { World } from "../../src/policy/model.ts";
import { backend, http, policy, range, type Manifest } from "../support/mesh/objects.ts";

const OLD = "2026-01-01T00:00:00Z";
const YOUNG = "2026-01-01T00:00:01Z";

interface Identity {
  readonly created?: string;
  readonly fork?: true;
}

function object(network: string, { created, fork }: Identity, port = http): Manifest {
  const made = policy([port], [range(network)], "test/ib");
  return {
    ...made,
    ...(fork && { apiVersion: "policy.flomesh.io/v1alpha1" }),
    metadata: {
      ...made.metadata,

      ...(created !== undefined && { creationTimestamp: created }),
    },
  };
}

function worldOf(...objects: readonly Manifest[]): World {
  return buildWorld({ ingressBackends: objects, services: [], endpointSlices: [], endpoints: [], namespaces: [] });
}

/** Whom the object that governs lets in, in either order of the objects. */
function letIn(a: Manifest, b: Manifest): readonly string[] {
  const networksOf = ({ policies }: World): readonly string[] =>
    policies.flatMap(({ sources }) => sources.map(({ name }) => name));
  const networks = networksOf(worldOf(a, b));
  assert.deepEqual(networksOf(worldOf(b, a)), networks);
  return networks;
}

test("of two groups the older object governs, and one without a time is the youngest", () => {
  const fork = object("10.2.0.0/16", { created: OLD, fork: true });
  assert.deepEqual(letIn(object("10.1.0.0/16", { created: YOUNG }), fork), ["10.2.0.0/16"]);
  assert.deepEqual(letIn(object("10.1.0.0/16", {}), fork), ["10.2.0.0/16"]);
});

test("equally old objects of two groups that differ close what either claims", () => {
  for (const created of [OLD, undefined]) {
    const times = created === undefined ? {} : { created };
    const osm = object("10.1.0.0/16", times);
    const fork = object("10.2.0.0/16", { ...times, fork: true }, backend("foo", 81, "http"));
    assert.deepEqual(letIn(osm, fork), []);
    const [invalid] = worldOf(osm, fork).invalidPolicies;
    assert.deepEqual(invalid?.backends.map(({ port }) => port).sort(), [80, 81]);
  }
});

test("equally old objects of two groups that ask the same are in force", () => {
  const osm = object("10.1.0.0/16", { created: OLD });
  assert.deepEqual(letIn(osm, object("10.1.0.0/16", { created: OLD, fork: true })), ["10.1.0.0/16"]);
});

test("two objects of one group that differ are closed, also where one is older", () => {
  assert.deepEqual(letIn(object("10.1.0.0/16", { created: OLD }), object("10.2.0.0/16", { created: YOUNG })), []);
});

test("two copies of one object, exported at different times of its life, are the older one", () => {
  const copies = [object("10.1.0.0/16", { created: YOUNG }), object("10.1.0.0/16", { created: OLD })];
  const { policies, invalidPolicies } = worldOf(...copies);
  assert.deepEqual(invalidPolicies, []);
  assert.deepEqual(
    policies.map(({ createdAt }) => createdAt),
    [Date.parse(OLD)],
  );
});

test("a contradiction in the older group keeps the other group's object out", () => {
  const fork = object("10.3.0.0/16", { created: YOUNG, fork: true });
  const { policies, invalidPolicies } = worldOf(
    object("10.1.0.0/16", { created: OLD }),
    fork,
    object("10.2.0.0/16", { created: OLD }),
  );
  assert.deepEqual(policies, []);
  assert.equal(invalidPolicies.length, 1);
});
