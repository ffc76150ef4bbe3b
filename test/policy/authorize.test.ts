import assert from "node:assert/strict";
import { BlockList, isIP, isIPv4 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "../../src/policy/address/address.ts";
import { authorize, judgeAddress, judgeServerName, ruleFor } from "../../src/policy/authorize.ts";
import { compile } from "../../src/policy/compile/compile.ts";
import type { Peer } from "../../src/policy/decision.ts";
import { supposing } from "../../src/policy/service-state.ts";
import { nearestTo } from "../../src/policy/explain/nearest.ts";
import { peerAddress } from "../../src/policy/address/peer-address.ts";
import { buildWorld } from "../../src/discovery/world.ts";
import { backendPort } from "../../src/policy/model.ts";

const NAMES = ["edge.gw.cluster.local", "*", "spiffe://td/edge", "a,b", "EDGE.gw.cluster.local", "dns:edge"];
const name = fc.constantFrom(...NAMES);
const source = fc.oneof(
  fc.constant({ kind: "Service", namespace: "gw", name: "edge" }),
  fc.constant({ kind: "Service", namespace: "gw", name: "none" }),
  fc.constantFrom("10.0.0.0/8", "10.1.0.0/16", "fd00::/8", "nonsense", "10.0.0.0/40").map((range) => ({
    kind: "IPRange",
    name: range,
  })),
  name.map((principal) => ({ kind: "AuthenticatedPrincipal", name: principal })),
);
const backend = fc.record({
  name: fc.constantFrom("app", "side"),
  port: fc.record({
    number: fc.constantFrom(80, 81),
    protocol: fc.constantFrom("http", "https", "HTTPS", "tcp"),
  }),
  tls: fc.option(
    fc.record({
      skipClientCertValidation: fc.boolean(),
      sniHosts: fc.option(fc.array(fc.constantFrom("a.test", "*.b.test", "*x"), { maxLength: 2 }), { nil: null }),
    }),
    { nil: null },
  ),
});
const object = fc.record({
  apiVersion: fc.constant("policy.openservicemesh.io/v1alpha1"),
  kind: fc.constant("IngressBackend"),
  metadata: fc.record({
    name: fc.constantFrom("p1", "p2", "p3"),
    namespace: fc.constantFrom("app-ns", "other"),
    creationTimestamp: fc.constantFrom(null, "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
  }),
  spec: fc.record({
    backends: fc.array(backend, { minLength: 1, maxLength: 2 }),
    sources: fc.array(source, { maxLength: 4 }),
  }),
});
const objects = fc.uniqueArray(object, {
  maxLength: 3,
  selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
});

const san = fc.record({ type: fc.constantFrom("dns" as const, "uri" as const), value: fc.oneof(name, fc.string()) });
const certificate = fc.oneof(
  fc.constantFrom({ state: "not-requested" as const }, { state: "missing" as const }),
  fc.constantFrom(
    { state: "refused" as const, reason: "certificate-untrusted" as const },
    { state: "refused" as const, reason: "certificate-expired" as const },
  ),
  fc.array(san, { maxLength: 3 }).map((sans) => ({ state: "verified" as const, sans })),
);
const peer: fc.Arbitrary<Peer> = fc.record(
  {
    address: fc
      .oneof(fc.constantFrom("10.0.0.1", "::ffff:10.0.0.1", "10.1.2.3", "fd00::1", undefined), fc.string())
      .map((text) => peerAddress(text)),
    tls: fc.record(
      { sni: fc.oneof(fc.constantFrom("a.test", "x.b.test", "A.TEST"), fc.string()), certificate },
      { requiredKeys: ["certificate"] },
    ),
  },
  { requiredKeys: ["address"] },
) as fc.Arbitrary<Peer>;

const slice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "edge-1", namespace: "gw", labels: { "kubernetes.io/service-name": "edge" } },
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.0.0.1"] }],
};

function snapshotOf(ingressBackends: readonly unknown[]) {
  const world = buildWorld({
    ingressBackends,
    services: [],
    endpointSlices: [slice],
    endpoints: [],
    namespaces: [],
  });
  return compile(world, { namespace: "app-ns", services: ["app", "side"] }, 1);
}

/** The rule in its plainest form; what is no range lists nobody. */
function lists(entry: { readonly kind: string; readonly name: string }, address: string | undefined): boolean {
  if (entry.kind === "Service") return entry.name === "edge" && /^(?:::ffff:)?10\.0\.0\.1$/.test(address ?? "");
  const range = parseRange(entry.name);
  const list = new BlockList();
  if (range === undefined || address === undefined || isIP(address) === 0) return false;
  const [base = "", prefix] = entry.name.split("/");
  list.addSubnet(base, Number(prefix), isIPv4(base) ? "ipv4" : "ipv6");
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

test("whatever the world and the peer: a verdict, never an exception, and the same in a copy and in any order", () => {
  fc.assert(
    fc.property(objects, peer, fc.constantFrom(80, 81, 82, 0, -1, Number.NaN).map(backendPort), (world, who, port) => {
      const snapshot = snapshotOf(world);
      const decision = authorize(snapshot, port, who);
      assert.deepEqual(authorize(structuredClone(snapshot), port, who), decision);
      assert.deepEqual(authorize(snapshotOf(world.toReversed()), port, who), decision);
      const early = judgeServerName(ruleFor(snapshot, port), who.address, who.tls?.sni);
      if (early !== undefined && who.tls !== undefined) assert.notEqual(decision.verdict, "forward");
      if (decision.verdict !== "forward")
        assert.equal(typeof nearestTo(supposing(snapshot), port, who, decision.reason), "string");
    }),
    { numRuns: 3_000 },
  );
});

test("what the address test refuses beforehand is never allowed afterwards, whatever the certificate", () => {
  fc.assert(
    fc.property(objects, peer, (world, who) => {
      const snapshot = snapshotOf(world);
      const rule = ruleFor(snapshot, backendPort(80));
      const early = judgeAddress(rule, who.address);
      if (early !== undefined) assert.equal(authorize(snapshot, backendPort(80), who).verdict, "close");
    }),
    { numRuns: 2_000 },
  );
});

test("whoever is let in has an address and a certificate that one and the same object lists", () => {
  fc.assert(
    fc.property(objects, peer, (world, who) => {
      const decision = authorize(snapshotOf(world), backendPort(80), who);
      if (decision.verdict !== "forward") return;
      const governing = world.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === decision.policy);
      assert.ok(governing !== undefined && governing.metadata.namespace === "app-ns");
      const { sources, backends } = governing.spec;
      const claimed = backends.filter(({ port }) => port.number === 80);
      assert.equal(new Set(claimed.map((entry) => entry.name)).size, claimed.length);
      const mutual =
        claimed[0]!.port.protocol.toLowerCase() === "https" && claimed[0]!.tls?.skipClientCertValidation !== true;
      const addresses = sources.filter(({ kind }) => kind !== "AuthenticatedPrincipal");
      if (addresses.length > 0)
        assert.ok(
          addresses.some((entry) => lists(entry, who.address?.text)),
          JSON.stringify(who),
        );
      const principals = sources.filter(({ kind }) => kind === "AuthenticatedPrincipal").map((entry) => entry.name);
      if (mutual) {
        const shown = who.tls?.certificate;
        assert.equal(shown?.state, "verified");
        const values = shown?.state === "verified" ? shown.sans.map((entry) => entry.value) : [];
        if (principals.length > 0)
          assert.ok(principals.includes("*") || principals.some((entry) => values.includes(entry)));
      }
      if (!mutual) assert.ok(addresses.length > 0);
    }),
    { numRuns: 3_000 },
  );
});
