import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusFacts } from "../../../src/admin/status-page/facts.ts";
import { auditNotice, summarize } from "../../../src/admin/status-page/summary.ts";
import { WORDS_OF_DRAIN, wordsOfCertificate } from "../../../src/policy/closed-words.ts";
import type { ServiceState } from "../../../src/policy/service-state.ts";
import { NO_COUNTERS } from "../../../src/proxy/counters.ts";
import { backend, http, mutual, policy, principal, range } from "../../support/mesh/objects.ts";
import { factsOf, NOW, stateOf } from "./facts-of.ts";

const sources = [range("10.0.0.0/8")];
const both = [policy([http, backend("foo", 81, "http")], sources)];
const secured = [policy([mutual, backend("foo", 81, "https")], [principal("a.b")])];

const ENDED = { state: "held", origin: "--tls-cert /own.pem", notBefore: 0, notAfter: 1 } as const;

const rows: readonly (readonly [string, ServiceState, Partial<StatusFacts>, string, RegExp])[] = [
  ["serving", stateOf(both), {}, "Serving", /^$/],
  [
    "one port closed",
    stateOf([policy([http], sources)]),
    {},
    "Serving 1 of 2 ports",
    /^port 81 is closed: no-policy: policies govern port 80/,
  ],
  ["no policy", stateOf([]), {}, "Closed to everybody: no-policy", /^port 80, 81 is closed: no-policy: no Ingress/],
  [
    "no credentials",
    stateOf(secured, { certificate: { state: "none" } }),
    {},
    "Closed to everybody: no-credentials",
    /^port 80, 81 is closed: no-credentials: no certificate for https backends/,
  ],
  ["draining", stateOf(both, { drain: "announced" }), {}, "Draining, serving until its listeners close", /^$/],
  [
    "drained",
    stateOf(both, { drain: "closing" }),
    {},
    "Closed to everybody: draining",
    /draining: the process is ending/,
  ],
  [
    "a broken manifest",
    stateOf(both, { brokenManifest: "a.yaml:1: oops" }),
    {},
    "Serving, by a policy that is not the one on disk",
    /^manifest-broken: a\.yaml:1: oops$/,
  ],
  ["not ready", stateOf(both), { unready: ["x"] }, "Serving, not ready", /^not ready: x$/],
  [
    "closed and therefore not ready",
    stateOf(secured, { certificate: { state: "none" } }),
    { unready: ["draining", "no-credentials: no certificate for https backends"] },
    "Closed to everybody: no-credentials",
    /^not ready: port 80, 81 is closed: no-credentials: no certificate [^\n]*\nnot ready: draining$/,
  ],
  [
    "closed by a drain, which the port's line says whole",
    stateOf(both, { drain: "closing" }),
    { unready: [`draining: ${WORDS_OF_DRAIN}`] },
    "Closed to everybody: draining",
    /^not ready: port 80, 81 is closed: draining: the process is ending and takes no new connection$/,
  ],
  [
    "closed by our certificate that has ended, which the port's line says whole",
    stateOf(secured, { certificate: ENDED }),
    { unready: [`own-certificate-ended: ${wordsOfCertificate(ENDED, "own-certificate-ended")}`] },
    "Closed to everybody: own-certificate-ended",
    /^not ready: port 80, 81 is closed: own-certificate-ended: our own certificate \(--tls-cert \/own\.pem\) ended at 1970[^\n]*$/,
  ],
  ["no backend", stateOf([], { listeners: new Set() }), {}, "Closed: there is no backend port", /^$/],
];

for (const [about, state, more, title, reasons] of rows)
  test(`one glance: ${about}`, () => {
    const summary = summarize(factsOf(state, more));
    assert.equal(summary.title, title);
    assert.match(summary.reasons.join("\n"), reasons);
    assert.equal(summary.level, title === "Serving" ? "good" : title.startsWith("Closed") ? "bad" : "warn");
  });

test("an audit is never plain serving, and is noticed until its end alone", () => {
  const annotated = both.map((object) => ({
    ...object,
    metadata: { ...object.metadata, annotations: { "postern.dev/enforcement": "audit:2027-01-31T18:00:00Z" } },
  }));
  const facts = factsOf(stateOf(annotated), {
    counters: { ...NO_COUNTERS, wouldRefuse: { "80|source-not-listed": 3 } },
  });
  assert.equal(summarize(facts).title, "Serving, and policy is not enforced");
  const until = "2027-01-31T18:00:00Z";
  assert.deepEqual(auditNotice(facts), {
    ports: [
      { port: 80, policy: "test/ib", until },
      { port: 81, policy: "test/ib", until },
    ],
    letIn: 3,
  });
  const over = factsOf(stateOf(annotated, { now: NOW + 365 * 86_400_000 }));
  assert.equal(auditNotice(over), undefined);
  assert.equal(summarize(over).title, "Serving");
});

test("an audit of a port that is closed anyway is no notice", () => {
  const annotated = secured.map((object) => ({
    ...object,
    metadata: { ...object.metadata, annotations: { "postern.dev/enforcement": "audit:2027-01-31T18:00:00Z" } },
  }));
  assert.equal(auditNotice(factsOf(stateOf(annotated)))?.ports.length, 2);
  assert.equal(auditNotice(factsOf(stateOf(annotated, { certificate: { state: "none" } }))), undefined);
});
