import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseEndpoints, parseEndpointSlice } from "../../../src/policy/objects/parse-endpoints.ts";
import { parseService } from "../../../src/policy/objects/parse-service.ts";
import { parseIngressBackend } from "../../../src/policy/objects/parse.ts";

const good = {
  apiVersion: "policy.openservicemesh.io/v1alpha1",
  kind: "IngressBackend",
  metadata: { name: "ib", namespace: "test", creationTimestamp: "2022-03-04T05:06:07Z", uid: "u", generation: 3 },
  spec: {
    backends: [{ name: "foo", port: { number: 80, protocol: "http" }, tls: { skipClientCertValidation: false } }],
    sources: [{ kind: "Service", namespace: "gw", name: "edge" }],
  },
};

/** The good object with one of its places replaced by anything. */
const mutant = fc
  .tuple(
    fc.constantFrom(
      "metadata",
      "metadata.name",
      "metadata.namespace",
      "metadata.creationTimestamp",
      "spec",
      "spec.backends",
      "spec.backends.0",
      "spec.backends.0.name",
      "spec.backends.0.port",
      "spec.backends.0.port.number",
      "spec.backends.0.port.protocol",
      "spec.backends.0.tls",
      "spec.backends.0.tls.sniHosts",
      "spec.sources",
      "spec.sources.0",
      "spec.sources.0.kind",
      "spec.sources.0.name",
      "spec.sources.0.namespace",
      "spec.matches",
    ),
    fc.oneof(fc.jsonValue(), fc.constantFrom(null, undefined, [], {}, "", 0, -1, 65_536, 80.5, true)),
  )
  .map(([path, value]) => {
    const copy = structuredClone(good) as Record<string, unknown>;
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    let at: Record<string, unknown> = copy;
    for (const key of keys) at = at[key] as Record<string, unknown>;
    at[last] = value;
    return copy;
  });

test("anything at all is a policy or has an error, never an exception", () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.anything(), mutant), (object) => {
      const { policy, invalid, problems } = parseIngressBackend(object);
      assert.ok(policy === undefined || invalid === undefined);
      if (policy === undefined) assert.ok(problems.some(({ severity }) => severity === "error"));
      for (const { number } of policy?.backends.map(({ port }) => port) ?? [])
        assert.ok(Number.isInteger(number) && number >= 1 && number <= 65_535);
      parseEndpointSlice(object);
      parseEndpoints(object);
      parseService(object);
    }),
    { numRuns: 5_000 },
  );
});

test("an invalid policy still claims the backends that could be read, so that nobody else opens them", () => {
  const broken = structuredClone(good) as { spec: { sources: unknown } };
  broken.spec.sources = "everybody";
  const { policy, invalid } = parseIngressBackend(broken);
  assert.equal(policy, undefined);
  assert.deepEqual(invalid?.backends, [{ name: "foo", port: 80 }]);
});

test("null means absent, and inherited properties are never read", () => {
  const withNulls = structuredClone(good) as { spec: Record<string, unknown> };
  Object.assign(withNulls.spec, { matches: null });
  assert.deepEqual(parseIngressBackend(withNulls).policy, parseIngressBackend(good).policy);
  const inherited: unknown = Object.assign(Object.create({ spec: good.spec }) as object, {
    apiVersion: good.apiVersion,
    kind: good.kind,
    metadata: good.metadata,
  });
  assert.equal(parseIngressBackend(inherited).policy, undefined);
});

test("fields of the object arrive as they are", () => {
  const { policy, problems } = parseIngressBackend(good);
  assert.deepEqual(problems, []);
  assert.equal(policy?.createdAt, Date.parse("2022-03-04T05:06:07Z"));
  assert.deepEqual([policy?.uid, policy?.generation, policy?.hasMatches], ["u", 3, false]);
});
