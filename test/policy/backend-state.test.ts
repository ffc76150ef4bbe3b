import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizeBy, judgeAddress, judgeServerName, ruleFor } from "../../src/policy/authorize.ts";
import { backendState, ruleInForce } from "../../src/policy/backend-state.ts";
import { explain } from "../../src/policy/explain/explain.ts";
import { backendPort } from "../../src/policy/model.ts";
import { peerAddress } from "../../src/policy/address/peer-address.ts";
import { supposing, type ServiceState } from "../../src/policy/service-state.ts";
import { compileObjects } from "../conformance/world.ts";
import {
  backend,
  http,
  mutual,
  policy,
  principal,
  range,
  service,
  serverOnly,
  slice,
  type Manifest,
} from "../support/mesh/objects.ts";

const PORT = backendPort(80);
const NOW = 1_000_000;

function stateOf(objects: readonly Manifest[], more: Partial<ServiceState> = {}): ServiceState {
  return { ...supposing(compileObjects(objects), NOW), ...more };
}

const plain = [policy([http], [range("10.0.0.0/8")])];
const secured = [policy([mutual], [principal("a")])];
const held = { state: "held", origin: "--tls-cert own.pem", notBefore: NOW - 10, notAfter: NOW + 10 } as const;

const rows: readonly (readonly [string, ServiceState, string])[] = [
  ["http without a certificate", stateOf(plain, { certificate: { state: "none" } }), "open"],
  ["https with one", stateOf(secured, { certificate: held }), "open"],
  ["https without", stateOf(secured, { certificate: { state: "none" } }), "no-credentials"],
  [
    "https that asks no client for one, without",
    stateOf([policy([serverOnly], [range("10.0.0.0/8")])], { certificate: { state: "none" } }),
    "no-credentials",
  ],
  ["https before its day", stateOf(secured, { certificate: held, now: NOW - 11 }), "own-certificate-not-yet-valid"],
  ["https after its day", stateOf(secured, { certificate: held, now: NOW + 11 }), "own-certificate-ended"],
  ["no listener", stateOf(plain, { listeners: new Set([backendPort(81)]) }), "no-listener"],
  ["a drain that is announced", stateOf(plain, { drain: "announced" }), "open"],
  ["a drain that closes", stateOf(plain, { drain: "closing" }), "draining"],
  ["a lagging thread", stateOf(plain, { lags: ["data-plane thread 0 lags"] }), "open"],
  ["a broken manifest", stateOf(plain, { brokenManifest: "a.yaml:1: oops" }), "open"],
  ["sources without an address", stateOf([policy([http], [service("gw/edge")])]), "source-without-endpoints"],
];

for (const [about, state, reason] of rows) {
  test(`backendState(): ${about}: ${reason}`, () => {
    const found = backendState(state, PORT);
    assert.equal(found.reason, reason);
    assert.equal(found.open, reason === "open");
    const explained = explain(state, PORT, { address: "10.0.0.1", tls: false });
    if (!found.open) assert.deepEqual([explained.reason, explained.nearest], [reason, found.detail]);
    assert.deepEqual(explained.conditions ?? [], found.conditions);
  });
}

test("a broken manifest is a condition of every port, closed ones too", () => {
  for (const objects of [plain, []]) {
    const { conditions } = backendState(stateOf(objects, { brokenManifest: "a.yaml:1: oops" }), PORT);
    assert.deepEqual(conditions, [{ code: "manifest-broken", detail: "a.yaml:1: oops" }]);
  }
});

test("a revocation list that has ended is a condition of what demands a client certificate", () => {
  const certificate = { ...held, listsEnd: NOW - 1 };
  const conditions = (objects: readonly Manifest[]) => backendState(stateOf(objects, { certificate }), PORT).conditions;
  assert.deepEqual(
    conditions(secured).map(({ code }) => code),
    ["crl-ended"],
  );
  assert.deepEqual(conditions(plain), []);
});

test("audit waves address and name through and nothing else, for as long as it lasts", () => {
  const objects = [policy([mutual], [range("10.0.0.0/8"), principal("a")])];
  const snapshot = compileObjects(objects);
  const rule = snapshot.rules.get(PORT);
  assert.ok(rule?.state === "open");
  const audited = { ...snapshot, rules: new Map([[PORT, { ...rule, auditUntil: NOW + 10 }]]) };
  const at = (now: number) => ruleInForce(supposing(audited, now), PORT);
  const stranger = peerAddress("192.0.2.1");
  const named = { address: stranger, tls: { certificate: { state: "verified", sans: [] } } } as const;
  assert.deepEqual(authorizeBy(at(NOW), named), {
    verdict: "forward",
    policy: "test/ib",
    source: "audit",
    wouldRefuse: "source-not-listed",
  });
  assert.equal(judgeAddress(at(NOW), stranger), undefined);
  assert.equal(judgeServerName(at(NOW), stranger, undefined), undefined);
  for (const peer of [
    { address: undefined },
    { address: stranger },
    { address: stranger, tls: { certificate: { state: "missing" } } },
    { address: stranger, tls: { certificate: { state: "not-requested" } } },
    { address: stranger, tls: { certificate: { state: "refused", reason: "certificate-untrusted" } } },
  ] as const)
    assert.notEqual(authorizeBy(at(NOW), peer).verdict, "forward", JSON.stringify(peer));
  assert.notEqual(authorizeBy(at(NOW + 10), named).verdict, "forward", "its end");
  assert.notEqual(authorizeBy(ruleFor(audited, PORT), named).verdict, "forward", "whoever names no time enforces");
});

const explainRows: readonly (readonly [string, readonly Manifest[], object, RegExp])[] = [
  [
    "an endpoint that is not ready",
    [policy([http], [service("gw/edge")]), slice("gw/edge", "10.0.0.1", ["10.0.0.2", { ready: false }])],
    { address: "10.0.0.2", tls: false },
    /^10\.0\.0\.2 stands behind Service gw\/edge, but is not ready/,
  ],
  [
    "a name that is one character off",
    [policy([mutual], [principal("edge.gw.mesh")])],
    { address: "10.0.0.2", tls: true, sans: [{ type: "dns", value: "edgy.gw.mesh" }] },
    /^DNS name 'edgy\.gw\.mesh' differs from 'edge\.gw\.mesh' by one character$/,
  ],
  [
    "a name with a character too many",
    [policy([mutual], [principal("edge.gw.mesh")])],
    { address: "10.0.0.2", tls: true, sans: [{ type: "dns", value: "edge.gw.mesh." }] },
    /by one character$/,
  ],
  [
    "the wrong Service",
    [
      policy([{ name: "cart", port: { number: 80, protocol: "http" } }], [range("10.0.0.0/8")]),
      slice("test/cart", "10.1.0.1"),
    ],
    { address: "10.0.0.2", tls: false },
    /^IngressBackend test\/ib is for Service cart; this pod backs foo, bar$/,
  ],
];

for (const [about, objects, peer, words] of explainRows) {
  test(`explain(): ${about}`, () => {
    assert.match(explain(stateOf(objects), PORT, peer as Parameters<typeof explain>[2]).nearest ?? "", words);
  });
}

test("explain() says until when an address was an endpoint, and names a node", () => {
  const snapshot = compileObjects([policy([http], [service("gw/edge")]), slice("gw/edge", "10.0.0.1")]);
  const hints = {
    ...snapshot.hints,
    nodes: ["10.9.0.0/24"],
    departed: new Map([["10.0.0.3", { source: "Service gw/edge", at: NOW - 12_000 }]]),
  };
  const state = supposing({ ...snapshot, hints }, NOW);
  const nearest = (address: string): string => explain(state, PORT, { address, tls: false }).nearest ?? "";
  assert.equal(nearest("10.0.0.3"), "10.0.0.3 was an endpoint of Service gw/edge until 12 s ago");
  assert.match(nearest("10.9.0.7"), /^10\.9\.0\.7 is a node's address: .*SNAT/);
});

test("of two objects on one port only the one in audit waves through, and only whom neither lets in", () => {
  const snapshot = compileObjects([
    policy([mutual], [range("10.1.0.0/16"), principal("a")], "test/a", "2024-01-01T00:00:00Z"),
    policy([backend("bar", 80, "https")], [range("10.2.0.0/16"), principal("b")], "test/b", "2024-06-01T00:00:00Z"),
  ]);
  const rule = snapshot.rules.get(PORT);
  assert.ok(rule?.state === "open" && rule.younger?.length === 1);
  const younger = rule.younger.map((one) => ({ ...one, auditUntil: NOW + 10 }));
  const audited = { ...snapshot, rules: new Map([[PORT, { ...rule, younger }]]) };
  const judged = (from: string, name: string, now = NOW) => {
    const sans = [{ type: "dns", value: name }] as const;
    const peer = { address: peerAddress(from), tls: { certificate: { state: "verified", sans } } } as const;
    const { policy: by, ...decision } = authorizeBy(ruleInForce(supposing(audited, now), PORT), peer);
    return [by, "wouldRefuse" in decision ? decision.wouldRefuse : decision.verdict];
  };
  assert.deepEqual(judged("10.1.0.1", "a"), ["test/a", "forward"]);
  assert.deepEqual(judged("10.2.0.1", "b"), ["test/b", "forward"]);
  assert.deepEqual(judged("10.2.0.1", "a"), ["test/b", "principal-not-listed"]);
  assert.deepEqual(judged("192.0.2.1", "c"), ["test/b", "source-not-listed"]);
  assert.deepEqual(judged("192.0.2.1", "c", NOW + 10), ["test/a", "close"]);
  const noCertificate = { address: peerAddress("10.2.0.1"), tls: { certificate: { state: "missing" } } } as const;
  const decision = authorizeBy(ruleInForce(supposing(audited, NOW), PORT), noCertificate);
  assert.equal(decision.verdict, "tls-alert");
  const { conditions } = backendState(supposing(audited, NOW), PORT);
  assert.deepEqual(
    conditions.map(({ code }) => code),
    ["audit"],
  );
});
