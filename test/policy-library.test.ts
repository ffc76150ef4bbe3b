/** What a program in plain JavaScript hands to `postern/policy`. That it works with types is shown by docs/policy-library.md. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { authorize, compile, validate, type Decision } from "../src/policy-library.ts";

/** The functions as such a program sees them. */
const plain = { authorize, compile, validate } as unknown as {
  authorize(snapshot: unknown, port: unknown, caller: unknown, moment?: unknown): Decision;
  compile(objects?: unknown, self?: unknown, version?: unknown): unknown;
  validate(ingressBackend: unknown, others?: unknown): ReturnType<typeof validate>;
};

const NAME = "edge.gateways.cluster.local";
const policy = {
  apiVersion: "policy.openservicemesh.io/v1alpha1",
  kind: "IngressBackend",
  metadata: { namespace: "shop", name: "cart" },
  spec: {
    backends: [
      { name: "cart", port: { number: 8443, protocol: "https" }, tls: { skipClientCertValidation: false } },
      { name: "cart", port: { number: 8080, protocol: "http" } },
    ],
    sources: [
      { kind: "Service", namespace: "gateways", name: "edge" },
      { kind: "AuthenticatedPrincipal", name: NAME },
    ],
  },
};
const edge = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { namespace: "gateways", name: "edge-1", labels: { "kubernetes.io/service-name": "edge" } },
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.1.2.3"] }],
};
const self = { namespace: "shop", services: ["cart"] };
const snapshot = compile([policy, edge], self);
const sans = [{ type: "dns", value: NAME }];
const good = { address: "10.1.2.3", tls: { certificate: { state: "verified", sans } } };
const POLICY = "shop/cart";

const certified = (certificate: unknown): Decision =>
  plain.authorize(snapshot, 8443, { ...good, tls: { certificate } });

test("a good caller is forwarded, also by a snapshot that went through structuredClone", () => {
  for (const given of [snapshot, structuredClone(snapshot)])
    assert.equal(plain.authorize(given, 8443, good).verdict, "forward");
});

test("a caller whose address is no text, or is not there, is refused by it", () => {
  const refusal = { verdict: "close", reason: "address-unknown", policy: POLICY };
  const noTexts = [undefined, null, 5, Number.NaN, {}, [], ["10.1.2.3"], new String("10.1.2.3"), Symbol("x"), 10n];
  for (const address of noTexts)
    for (const port of [8443, 8080])
      assert.deepEqual(plain.authorize(snapshot, port, { ...good, address }), refusal, typeof address);
  for (const caller of [undefined, null, 5, "10.1.2.3", {}, [], new Map([["address", "10.1.2.3"]])])
    assert.deepEqual(plain.authorize(snapshot, 8443, caller), refusal, JSON.stringify(caller));
});

test("what compile has not made is no snapshot and lets nobody in, nor one that went through JSON", () => {
  const throughJson: unknown = JSON.parse(JSON.stringify(snapshot));
  const half = { ...snapshot, rules: new Map([[8443, {}]]) };
  for (const none of [undefined, null, 5, "x", {}, [], { rules: {} }, { version: 1 }, throughJson, half])
    assert.deepEqual(plain.authorize(none, 8443, good), { verdict: "close", reason: "no-snapshot" });
});

test("a port that is no number is one without a policy", () => {
  for (const port of [undefined, null, Number.NaN, "8443", 8443.5, {}, [8443], 8443n, "__proto__"])
    assert.deepEqual(plain.authorize(snapshot, port, good), { verdict: "close", reason: "no-policy" });
});

test("a certificate whose state cannot be read is untrusted, and one that is not there is missing", () => {
  const refusal = (reason: string): object => ({ verdict: "tls-alert", reason, policy: POLICY });
  for (const state of [undefined, null, "", "ok", "VERIFIED", "constructor", true, ["verified"]])
    assert.deepEqual(certified({ state, sans }), refusal("certificate-untrusted"), JSON.stringify(state));
  for (const certificate of [5, true, "verified", [], {}])
    assert.deepEqual(certified(certificate), refusal("certificate-untrusted"), JSON.stringify(certificate));
  for (const tls of [{}, { certificate: undefined }, { certificate: null }, true, false, 5, "x"])
    assert.deepEqual(
      plain.authorize(snapshot, 8443, { ...good, tls }),
      refusal("certificate-missing"),
      JSON.stringify(tls),
    );
});

test("TLS that cannot be read is TLS: an http backend refuses it", () => {
  for (const tls of [{}, true, false, 5, "x", []])
    assert.deepEqual(plain.authorize(snapshot, 8080, { ...good, tls }), {
      verdict: "close",
      reason: "tls-unexpected",
      policy: POLICY,
    });
  for (const tls of [undefined, null])
    assert.equal(plain.authorize(snapshot, 8080, { ...good, tls }).verdict, "forward");
});

test("the reason of a refused certificate is one of the closed set", () => {
  const reasonOf = (reason: unknown): unknown => {
    const decision = certified({ state: "refused", reason });
    return decision.verdict === "tls-alert" ? decision.reason : decision;
  };
  for (const reason of ["certificate-untrusted", "certificate-expired", "certificate-revoked"])
    assert.equal(reasonOf(reason), reason);
  for (const reason of [undefined, null, "zzz", "no-policy", 5, {}])
    assert.equal(reasonOf(reason), "certificate-untrusted", JSON.stringify(reason));
});

test("a verified certificate without a list of names is untrusted", () => {
  for (const none of [undefined, null, NAME, new Set(sans), { length: 1, 0: sans[0] }])
    assert.deepEqual(certified({ state: "verified", sans: none }), {
      verdict: "tls-alert",
      reason: "certificate-untrusted",
      policy: POLICY,
    });
});

test("a SAN that is no dns or uri name is none that a principal lists", () => {
  const types = ["ip", "email", "DNS", "any", "__proto__", undefined, null, 5];
  const others: readonly unknown[] = [
    ...types.map((type) => ({ type, value: NAME })),
    ...[null, 5, {}, [NAME], { toString: () => NAME }].map((value) => ({ type: "dns", value })),
    null,
    undefined,
    NAME,
    5,
    [],
  ];
  for (const other of others)
    assert.deepEqual(
      certified({ state: "verified", sans: [other] }),
      { verdict: "forbidden", reason: "principal-missing", policy: POLICY },
      JSON.stringify(other),
    );
  assert.equal(certified({ state: "verified", sans: [...others, ...sans] }).verdict, "forward");
});

test("authorize does not throw where a getter of the caller's does", () => {
  const throwing = (): never => assert.fail("read");
  for (const caller of [
    Object.defineProperty({ ...good }, "address", { get: throwing }),
    { ...good, tls: Object.defineProperty({}, "certificate", { get: throwing }) },
  ])
    assert.deepEqual(plain.authorize(snapshot, 8443, caller), { verdict: "close", reason: "no-snapshot" });
});

test("an argument of compile that is of a wrong type is named", () => {
  const thrown = (message: string): object => ({ name: "TypeError", message });
  for (const [objects, type] of [
    [undefined, "undefined"],
    [null, "null"],
    [{}, "object"],
    [5, "integer"],
    ["x", "string"],
    [new Set([policy, edge]), "object"],
  ] as const)
    assert.throws(
      () => plain.compile(objects, self),
      thrown(`Expected 'objects' to be an array of Kubernetes objects, got: ${type}`),
    );
  for (const none of [undefined, null, 5, "cart", ["cart"]])
    assert.throws(
      () => plain.compile([], none),
      /^TypeError: Expected 'self' to be an object with 'namespace' and 'services', got: /,
    );
  for (const [field, value, expected] of [
    ["namespace", undefined, "a string, got: undefined"],
    ["namespace", 5, "a string, got: integer"],
    ["services", undefined, "an array of strings, got: undefined"],
    ["services", null, "an array of strings, got: null"],
    ["services", new Set(["cart"]), "an array of strings, got: object"],
    ["podName", null, "a string, got: null"],
    ["meshName", null, "a string, got: null"],
    ["nodes", "10.0.0.0/8", "an array of strings, got: string"],
    ["auditUntil", "2030-01-31T18:00:00Z", "a finite number of milliseconds, got: string"],
    ["auditUntil", Infinity, "a finite number of milliseconds, got: number"],
  ] as const)
    assert.throws(
      () => plain.compile([], { ...self, [field]: value }),
      thrown(`Expected 'self.${field}' to be ${expected}`),
    );
  assert.throws(
    () => plain.compile([], { ...self, services: ["cart", null] }),
    thrown("Expected 'self.services[1]' to be a string, got: null"),
  );
  for (const version of [Number.NaN, "1", null, Infinity, 1.5])
    assert.throws(() => plain.compile([], self, version), /^TypeError: Expected 'version' to be a whole number, got: /);
});

test("a text is no list of Services: a part of it would be taken for one of them", () => {
  assert.throws(() => plain.compile([policy, edge], { namespace: "shop", services: "my-cart-old" }), {
    name: "TypeError",
    message: "Expected 'self.services' to be an array of strings, got: string",
  });
});

test("a snapshot keeps nothing of the arguments that a later change would reach", () => {
  const mine = structuredClone({ objects: [policy, edge], self });
  const compiled = compile(mine.objects, mine.self);
  const before = structuredClone(compiled);
  mine.self.services.push("other");
  mine.objects.forEach((object) => Object.assign(object, { kind: "", spec: {}, endpoints: [] }));
  assert.deepEqual(compiled, before);
});

test("what compile reads as no object is passed over", () => {
  const others = [null, undefined, 5, "x", [policy], { kind: 5 }, { kind: "IngressBackend" }, { kind: "__proto__" }];
  assert.deepEqual(plain.compile([...others, policy, edge], self), snapshot);
});

test("compile takes Lists apart: that of kubectl, those of one kind, and one within another", () => {
  const list = (items: unknown, kind = "List", apiVersion = "v1"): object => ({ kind, apiVersion, items });
  const { kind, apiVersion, ...untyped } = edge;
  for (const objects of [
    [list([policy, edge])],
    [policy, list([edge])],
    [list([list([policy]), list([edge])])],
    [policy, list([untyped], `${kind}List`, apiVersion)],
    [policy, list([edge], `${kind}List`, apiVersion)],
    [policy, list([{ ...untyped, apiVersion: null, kind: null }], `${kind}List`, apiVersion)],
  ])
    assert.deepEqual(plain.compile(objects, self), snapshot);
  const endless: { kind: string; items: unknown[] } = { kind: "List", items: [policy, edge] };
  endless.items.push(endless);
  assert.deepEqual(plain.compile([endless], self), snapshot);
  for (const items of [undefined, null, {}, "x", [null, 5, [policy]]])
    assert.deepEqual(plain.compile([policy, edge, list(items)], self), snapshot);
});

test("validate says what compile passes over for its kind or apiVersion", () => {
  const versions = "'policy.openservicemesh.io/v1alpha1' or 'policy.flomesh.io/v1alpha1'";
  const error = (path: string, message: string): object => ({ severity: "error", path, message });
  const good80 = { ...policy, spec: { ...policy.spec, backends: policy.spec.backends.slice(0, 1) } };
  assert.deepEqual(plain.validate(good80), []);
  for (const [change, problem] of [
    [{ kind: "ingressbackend" }, error("kind", "Expected 'kind' to be 'IngressBackend', got: ingressbackend")],
    [{ kind: undefined }, error("kind", "Required value")],
    [{ kind: ["IngressBackend"] }, error("kind", "Expected 'kind' to be 'IngressBackend', got: array")],
    [{ apiVersion: null }, error("apiVersion", "Required value")],
    [
      { apiVersion: "policy.openservicemesh.io/v1" },
      error("apiVersion", `Expected 'apiVersion' to be ${versions}, got: policy.openservicemesh.io/v1`),
    ],
  ] as const) {
    const object = { ...good80, ...change };
    assert.deepEqual(plain.validate(object), [problem]);
    assert.deepEqual(compile([object, edge], self).statuses, []);
  }
  for (const object of [undefined, null, 5, "x", [], {}])
    assert.deepEqual(
      plain.validate(object).flatMap(({ severity, path }) => (severity === "error" ? [path] : [])),
      ["apiVersion", "kind", "metadata.name", "spec"],
    );
});

test("others of validate that are no array are an error of the program; Lists among them are taken apart", () => {
  for (const others of [null, 5, "x", {}, new Set()])
    assert.throws(
      () => plain.validate(policy, others),
      /^TypeError: Expected 'others' to be an array of Kubernetes objects, got: /,
    );
  assert.doesNotThrow(() => plain.validate(policy, [null, 5, {}, []]));
  const other = { ...policy, metadata: { namespace: "shop", name: "other" } };
  const conflict = plain.validate(policy, [other]);
  assert.match(JSON.stringify(conflict), /shop\/cart conflicts with shop\/other/);
  assert.deepEqual(plain.validate(policy, [{ kind: "List", apiVersion: "v1", items: [other] }]), conflict);
});

test("an audit waves through until its end, for whoever gives the time", () => {
  const stranger = { ...good, address: "10.9.9.9" };
  const refusal = { verdict: "close", reason: "source-not-listed", policy: POLICY };
  const end = Date.parse("2026-11-02T00:00:00Z");
  const annotations = { "postern.dev/enforcement": "audit:2026-11-02T00:00:00Z" };
  for (const audited of [
    compile([policy, edge], { ...self, auditUntil: end }),
    compile([{ ...policy, metadata: { ...policy.metadata, annotations } }, edge], self),
  ]) {
    const found = plain.authorize(audited, 8443, stranger, { now: end - 1 });
    assert.deepEqual([found.verdict, "wouldRefuse" in found && found.wouldRefuse], ["forward", "source-not-listed"]);
    const times = [undefined, null, end - 1, {}, { now: String(end - 1) }, { now: new Date(0) }, { now: Number.NaN }];
    for (const moment of [...times, { now: end }])
      assert.deepEqual(plain.authorize(audited, 8443, stranger, moment), refusal);
  }
});
