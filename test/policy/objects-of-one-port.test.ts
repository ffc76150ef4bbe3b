import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizeBy, judgeAddress, ruleFor, ruleForAddress } from "../../src/policy/authorize.ts";
import { backendState } from "../../src/policy/backend-state.ts";
import type { Decision } from "../../src/policy/decision.ts";
import { explain } from "../../src/policy/explain/explain.ts";
import { backendPort } from "../../src/policy/model.ts";
import { peerAddress } from "../../src/policy/address/peer-address.ts";
import { policyStatuses } from "../../src/policy/explain/policy-statuses.ts";
import { supposing, type ServiceState } from "../../src/policy/service-state.ts";
import type { PolicyStatus } from "../../src/policy/snapshot.ts";
import { compileObjects } from "../conformance/world.ts";
import { backend, policy, principal, range, service, type Manifest } from "../support/mesh/objects.ts";

const PORT = backendPort(80);
const NOW = Date.parse("2026-11-01T00:00:00Z");
const END = "2026-11-02T00:00:00.000Z";
const AUDIT = `refusals by address or name are only logged and counted until ${END}`;
const [OLD, YOUNG] = ["2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z"];

const inAudit = (object: Manifest): Manifest => ({
  ...object,
  metadata: { ...object.metadata, annotations: { "postern.dev/enforcement": `audit:${END}` } },
});
const older = policy([backend("foo", 80, "https")], [range("10.1.0.0/16"), principal("a")], "test/a", OLD);
const younger = policy([backend("bar", 80, "https")], [range("10.2.0.0/16"), principal("b")], "test/b", YOUNG);
const BOTH = [
  { policy: "test/a", service: "foo" },
  { policy: "test/b", service: "bar" },
];

function stateOf(objects: readonly Manifest[], more: Partial<ServiceState> = {}): ServiceState {
  return { ...supposing(compileObjects(objects), NOW), ...more };
}

function statusOf(state: ServiceState, name: string): PolicyStatus {
  const found = policyStatuses(state).find((status) => status.policy === name);
  assert.ok(found, `a status of ${name}`);
  return found;
}

test("a port names every object that governs it, open or closed", () => {
  assert.deepEqual(backendState(stateOf([older, younger]), PORT).policies, BOTH);
  const noCertificate = stateOf([older, younger], { certificate: { state: "none" } });
  assert.deepEqual(backendState(noCertificate, PORT).policies, BOTH);
});

test("an object that contradicts itself about a port lets nobody in there, even where an older one governs half of it", () => {
  const half = policy([backend("foo", 80, "https", { skipClientCertValidation: true })], [], "test/a", OLD);
  const contrary = policy(
    [backend("foo", 80, "https"), backend("bar", 80, "https", { skipClientCertValidation: true })],
    [range("10.2.0.0/16")],
    "test/b",
    YOUNG,
  );
  const twice = policy(
    [backend("foo", 80, "http"), backend("bar", 80, "http"), backend("bar", 80, "http")],
    [range("10.2.0.0/16")],
    "test/b",
    YOUNG,
  );
  for (const objects of [[half, contrary], [contrary], [twice]]) {
    const state = stateOf(objects);
    assert.equal(backendState(state, PORT).open, false, JSON.stringify(objects));
    assert.match(
      statusOf(state, "test/b").reason,
      /with different protocol or tls settings|Duplicate backends detected/,
    );
  }
});

test("what closes the port beside the objects is in the status of each of them", () => {
  const state = stateOf([older, younger], { certificate: { state: "none" } });
  const { detail } = backendState(state, PORT);
  for (const name of ["test/a", "test/b"]) {
    const { currentStatus, reason, backends } = statusOf(state, name);
    assert.deepEqual([currentStatus, reason], ["error", `no-credentials: ${detail}`], name);
    assert.deepEqual(backends, [{ port: 80, open: false, reason: "no-credentials", detail }], name);
  }
});

test("objects that close a port together are named with what is wrong with each", () => {
  const nobody = [
    policy([backend("foo", 80, "http")], [], "test/a", OLD),
    policy([backend("bar", 80, "http")], [range("nonsense")], "test/b", YOUNG),
  ];
  const { reason, detail, policies } = backendState(stateOf(nobody), PORT);
  assert.equal(reason, "no-usable-source");
  assert.match(
    detail,
    /^IngressBackend test\/a: no source is listed: nobody is let in; IngressBackend test\/b: .*nonsense/,
  );
  assert.deepEqual(policies, BOTH);
  assert.equal(statusOf(stateOf(nobody), "test/a").reason, "no source is listed: nobody is let in");
});

test("sources without an address are named of every object on the port", () => {
  const empty = [
    policy([backend("foo", 80, "http")], [service("gw/one")], "test/a", OLD),
    policy([backend("bar", 80, "http")], [service("gw/two")], "test/b", YOUNG),
  ];
  const { reason, detail } = backendState(stateOf(empty), PORT);
  assert.equal(reason, "source-without-endpoints");
  assert.match(detail, /gw\/one.*; .*gw\/two/);
});

test("an audit is said of the object that is in it, and not of the other on the port", () => {
  const state = stateOf([older, inAudit(younger)]);
  const { policies, conditions } = backendState(state, PORT);
  assert.deepEqual(policies, [BOTH[0], { ...BOTH[1], auditUntil: Date.parse(END) }]);
  assert.deepEqual(conditions, [{ code: "audit", detail: `IngressBackend test/b: ${AUDIT}` }]);
  const words = (of: ServiceState): string => backendState(of, PORT).detail;
  assert.equal(
    words(state),
    "open to what its policies list, and by an audit to any address that no enforced object lists",
  );
  assert.equal(words({ ...state, now: Date.parse(END) }), "open to what its policies list");
  assert.equal(
    words(stateOf([inAudit(older)])),
    "open to what its policy lists, and by an audit to any address and name",
  );
  assert.deepEqual(statusOf(state, "test/a").warnings, []);
  assert.deepEqual(statusOf(state, "test/b").warnings, [`audit: ${AUDIT}`]);
});

test("an address that an enforced object lists is judged by that object, whatever the audit of another lets in", () => {
  const state = stateOf([older, inAudit(younger)]);
  const asked = (address: string): readonly (string | undefined)[] => {
    const { verdict, reason, policy } = explain(state, PORT, {
      address,
      tls: true,
      sans: [{ type: "dns", value: "x" }],
    });
    return [verdict, reason, policy];
  };
  assert.deepEqual(asked("10.1.0.5"), ["forbidden", "principal-not-listed", "test/a"]);
  assert.equal(asked("10.2.0.5")[0], "forward");
  assert.equal(asked("10.9.9.9")[0], "forward");
});

test("in audit the reason of a refusal is what an audit does not waive, and not the address", () => {
  const state = stateOf([inAudit(older)]);
  const reasonOf = (tls: boolean): string | undefined => explain(state, PORT, { address: "10.9.9.9", tls }).reason;
  assert.equal(reasonOf(false), "tls-expected");
  assert.equal(reasonOf(true), "certificate-missing");
  assert.equal(explain(stateOf([older]), PORT, { address: "10.9.9.9", tls: false }).reason, "source-not-listed");
});

const closed: readonly (readonly [string, Partial<ServiceState>])[] = [
  ["no-credentials", { certificate: { state: "none" } }],
  [
    "own-certificate-ended",
    { certificate: { state: "held", origin: "--tls-cert own.pem", notBefore: 0, notAfter: 1 } },
  ],
  ["no-listener", { listeners: new Set() }],
  ["draining", { drain: "closing" }],
  ["stale-snapshot", { snapshot: { ...compileObjects([inAudit(older)]), closed: "stale-snapshot" } }],
];

for (const [reason, more] of closed)
  test(`an object in audit on a port that is closed by ${reason} waves nobody through, and is named in the explanation`, () => {
    const state = stateOf([inAudit(older)], more);
    const { policies, conditions } = backendState(state, PORT);
    assert.deepEqual(policies, [{ policy: "test/a", service: "foo" }]);
    assert.doesNotMatch(JSON.stringify([conditions, statusOf(state, "test/a").warnings]), /audit/);
    const explained = explain(state, PORT, { address: "10.9.9.9", tls: true, sans: [] });
    assert.deepEqual([explained.verdict, explained.reason, explained.policy], ["close", reason, "test/a"]);
  });

function judged(objects: readonly Manifest[], from: string, ...names: readonly string[]): Decision {
  const sans = names.map((value) => ({ type: "dns", value }) as const);
  const certificate = sans.length === 0 ? ({ state: "missing" } as const) : ({ state: "verified", sans } as const);
  const rule = ruleFor(compileObjects(objects), PORT, { now: NOW });
  return authorizeBy(rule, { address: peerAddress(from), tls: { certificate } });
}

test("an audit names the object that its caller came farthest with, and what that one would refuse", () => {
  const objects = [inAudit(older), inAudit(younger)];
  assert.deepEqual(judged(objects, "10.2.0.1", "c"), {
    verdict: "forward",
    policy: "test/b",
    source: "audit",
    wouldRefuse: "principal-not-listed",
  });
  const empty = policy([backend("foo", 80, "https")], [service("gw/gone"), principal("a")], "test/a", OLD);
  assert.deepEqual(judged([inAudit(empty), inAudit(younger)], "10.3.0.1", "b"), {
    verdict: "forward",
    policy: "test/b",
    source: "audit",
    principal: "b",
    wouldRefuse: "source-not-listed",
  });
});

test("a caller that none of the objects lists is told of the one in audit, before its handshake and after it", () => {
  const objects = [older, inAudit(younger)];
  assert.deepEqual(judged(objects, "10.3.0.1"), {
    verdict: "tls-alert",
    reason: "certificate-missing",
    policy: "test/b",
  });
  const rule = ruleFor(compileObjects(objects), PORT, { now: NOW });
  assert.ok(rule.state === "open");
  assert.equal(ruleForAddress(rule, peerAddress("10.3.0.1")).policy, "test/b");
});

test("a source without addresses beside one that has some is no reason to tell, whichever object is older", () => {
  const empty = (at: string): Manifest =>
    policy([backend("foo", 80, "https")], [service("gw/gone"), principal("a")], "test/a", at);
  for (const objects of [
    [empty(OLD), younger],
    [empty("2025-01-01T00:00:00Z"), younger],
  ]) {
    const refusal = { verdict: "close", reason: "source-not-listed", policy: "test/b" };
    assert.deepEqual(judged(objects, "10.3.0.1", "b"), refusal);
    assert.deepEqual(judgeAddress(ruleFor(compileObjects(objects), PORT), peerAddress("10.3.0.1")), refusal);
  }
});
