import assert from "node:assert/strict";
import { test } from "node:test";
import { buildWorld } from "../../src/discovery/world.ts";
import { authorize } from "../../src/policy/authorize.ts";
import { compile } from "../../src/policy/compile/compile.ts";
import { backendPort, type Self } from "../../src/policy/model.ts";
import { ownService } from "../../src/policy/own-service.ts";
import { peerAddress } from "../../src/policy/address/peer-address.ts";
import { backend, policy, range, type Manifest } from "../support/mesh/objects.ts";

const POD: Self = { namespace: "test", services: ["foo"], podName: "foo-1" };

function verdict(objects: readonly Manifest[], from: string, self = POD): string {
  const world = buildWorld({
    ingressBackends: objects,
    services: [],
    endpointSlices: [],
    endpoints: [],
    namespaces: [],
  });
  return authorize(compile(world, self, 1), backendPort(80), { address: peerAddress(from) }).verdict;
}

test("a backend is named by its Service, or by this pod and its Service", () => {
  for (const [name, expected] of [
    ["foo", "foo"],
    ["foo-1.foo", "foo"],
    ["foo-2.foo", undefined],
    ["foo-1.bar", undefined],
    ["foo-1", undefined],
    [".foo", undefined],
    ["foo-1.foo.test", undefined],
    ["x.foo-1.foo", undefined],
  ] as const)
    assert.equal(ownService(name, POD), expected, name);
  assert.equal(ownService("foo-1.foo", { services: ["foo"] }), undefined, "a pod that does not know its name");
});

test("an object that names this pod opens its port, one that names another pod of the Service does not", () => {
  const of = (name: string): readonly Manifest[] => [policy([backend(name, 80, "http")], [range("10.0.0.0/8")])];
  assert.equal(verdict(of("foo-1.foo"), "10.0.0.1"), "forward");
  assert.equal(verdict(of("foo-1.foo"), "11.0.0.1"), "close");
  assert.equal(verdict(of("foo-2.foo"), "10.0.0.1"), "close");
});

test("the pod's name and its Service's are one backend: the older object governs", () => {
  const objects = [
    policy([backend("foo", 80, "http")], [range("10.1.0.0/16")], "test/old", "2024-01-01T00:00:00Z"),
    policy([backend("foo-1.foo", 80, "http")], [range("10.2.0.0/16")], "test/new", "2024-02-01T00:00:00Z"),
  ];
  assert.equal(verdict(objects, "10.1.0.1"), "forward");
  assert.equal(verdict(objects, "10.2.0.1"), "close");
});
