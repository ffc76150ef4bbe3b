import assert from "node:assert/strict";
import { test } from "node:test";
import { buildWorld } from "../../../src/discovery/world.ts";
import { backendState } from "../../../src/policy/backend-state.ts";
import { compile } from "../../../src/policy/compile/compile.ts";
import { backendPort } from "../../../src/policy/model.ts";
import { policyStatuses } from "../../../src/policy/explain/policy-statuses.ts";
import { supposing } from "../../../src/policy/service-state.ts";
import { backend, policy, range, slice, type Manifest } from "../../support/mesh/objects.ts";

/** What a pod says of the objects: name and currentStatus, in order. */
function statuses(podName: string, ...ingressBackends: readonly Manifest[]): readonly (readonly [string, string])[] {
  const world = buildWorld({
    ingressBackends,
    services: [],
    endpointSlices: [slice("test/foo", "10.0.0.9")],
    endpoints: [],
    namespaces: [],
  });
  const state = supposing(compile(world, { namespace: "test", services: ["foo"], podName }, 1));
  return policyStatuses(state).map(({ policy: name, currentStatus }) => [name, currentStatus]);
}

const named = policy([backend("foo-1.foo", 80, "http")], [range("10.0.0.0/8")]);

test("an object that names this pod has one status, and another pod of the Service gives it none", () => {
  assert.deepEqual(statuses("foo-1", named), [["test/ib", "committed"]]);
  assert.deepEqual(statuses("foo-0", named), []);
});

test("an object that names a pod of a Service that does not exist is known to open nothing", () => {
  const nobody = policy([backend("bar-1.bar", 80, "http")], [range("10.0.0.0/8")]);
  assert.deepEqual(statuses("foo-1", nobody), [["test/ib", "error"]]);
});

test("of an object for one pod of our Service, the port's words say which pod it names, and which one this is", () => {
  const world = buildWorld({
    ingressBackends: [named],
    services: [],
    endpointSlices: [slice("test/foo", "10.0.0.9")],
    endpoints: [],
    namespaces: [],
  });
  const said = (podName?: string): string => {
    const self = { namespace: "test", services: ["foo"], ...(podName !== undefined && { podName }) };
    return backendState(supposing(compile(world, self, 1)), backendPort(80)).detail;
  };
  assert.match(
    said(),
    /that names pod foo-1, and the name of this pod is not known \(--pod-name\); this pod backs foo$/,
  );
  assert.match(said("foo-0"), /that names pod foo-1, and this pod is foo-0; this pod backs foo$/);
});

test("what is an error of an object is not a warning of it too", () => {
  const empty = backend("foo", 80, "https", { skipClientCertValidation: true, sniHosts: [""] });
  const world = buildWorld({
    ingressBackends: [policy([empty], [range("10.0.0.0/8")])],
    services: [],
    endpointSlices: [],
    endpoints: [],
    namespaces: [],
  });
  const [status] = policyStatuses(supposing(compile(world, { namespace: "test", services: ["foo"] }, 1)));
  assert.equal(status?.currentStatus, "error");
  assert.match(status.reason, /^Invalid 'tls.sniHosts' value ''/);
  assert.deepEqual(status.warnings, []);
});
