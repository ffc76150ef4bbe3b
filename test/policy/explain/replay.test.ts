import assert from "node:assert/strict";
import { test } from "node:test";
import { readPeersText } from "../../../src/policy/explain/peers-document.ts";
import { replay, type SeenPeer } from "../../../src/policy/explain/replay.ts";
import { supposing } from "../../../src/policy/service-state.ts";
import { compileObjects } from "../../conformance/world.ts";
import { backend, http, mutual, policy, principal, range, type Manifest } from "../../support/mesh/objects.ts";

const seen = (more: Partial<SeenPeer>): SeenPeer => ({
  port: 80,
  address: "10.0.0.1",
  tls: false,
  certificate: "unseen",
  sans: [],
  verdict: "forward",
  count: 1,
  ...more,
});
const edge = { tls: true, certificate: "verified", sans: [{ type: "dns", value: "edge.mesh" }] } as const;

const named = backend("foo", 80, "https", { skipClientCertValidation: false, sniHosts: ["a.example"] });

const rows: readonly (readonly [string, Manifest, SeenPeer, string, string])[] = [
  ["a listed address stays", policy([http], [range("10.0.0.0/8")]), seen({}), "same", "allowed"],
  ["an address that is dropped", policy([http], [range("10.9.0.0/16")]), seen({}), "loses", "source-not-listed"],
  [
    "one that is added",
    policy([http], [range("10.0.0.0/8")]),
    seen({ verdict: "close", reason: "source-not-listed" }),
    "gains",
    "allowed",
  ],
  [
    "one that stays refused",
    policy([http], [range("10.9.0.0/16")]),
    seen({ verdict: "close", reason: "source-not-listed" }),
    "same",
    "source-not-listed",
  ],
  [
    "one that is refused otherwise",
    policy([http], []),
    seen({ verdict: "close", reason: "source-not-listed" }),
    "refused-otherwise",
    "no-usable-source",
  ],
  ["plaintext where TLS comes", policy([mutual], [principal("edge.mesh")]), seen({}), "loses", "tls-expected"],
  ["a name that stays", policy([mutual], [principal("edge.mesh")]), seen(edge), "same", "allowed"],
  ["a name that goes", policy([mutual], [principal("edge.mesj")]), seen(edge), "loses", "principal-not-listed"],
  [
    "a certificate that nobody had asked for",
    policy([mutual], [principal("edge.mesh")]),
    seen({ tls: true, certificate: "not-requested" }),
    "loses",
    "certificate-missing",
  ],
  [
    "a certificate that was refused is refused",
    policy([mutual], [principal("*")]),
    seen({ tls: true, certificate: "refused", verdict: "tls-alert", reason: "certificate-expired" }),
    "same",
    "certificate-expired",
  ],
  [
    "one of whose TLS nothing was seen",
    policy([mutual], [range("10.0.0.0/8"), principal("edge.mesh")]),
    seen({ verdict: "close", reason: "source-not-listed" }),
    "unknown",
    "tls-expected",
  ],
  [
    "plaintext that was refused for it is judged by its address",
    policy([http], [range("10.0.0.0/8")]),
    seen({ verdict: "close", reason: "tls-expected" }),
    "gains",
    "allowed",
  ],
  [
    "plaintext where TLS stays expected",
    policy([mutual], [range("10.0.0.0/8"), principal("edge.mesh")]),
    seen({ verdict: "close", reason: "tls-expected" }),
    "same",
    "tls-expected",
  ],
  [
    "a server name that stays unlisted",
    policy([named], [range("10.0.0.0/8")]),
    seen({ tls: true, sni: "b.example", verdict: "close", reason: "sni-not-listed" }),
    "same",
    "sni-not-listed",
  ],
  [
    "a server name that is listed, of a caller whose certificate was not seen",
    policy([named], [range("10.0.0.0/8")]),
    seen({ tls: true, sni: "a.example", verdict: "close", reason: "sni-not-listed" }),
    "unknown",
    "certificate-missing",
  ],
  [
    "one that was seen only while everybody was refused, and would be refused",
    policy([http], [range("10.9.0.0/16")]),
    seen({ verdict: "close", reason: "stale-snapshot" }),
    "unknown",
    "source-not-listed",
  ],
  [
    "one that was seen only while everybody was refused, and is listed",
    policy([http], [range("10.0.0.0/8")]),
    seen({ verdict: "close", reason: "own-certificate-ended" }),
    "gains",
    "allowed",
  ],
];

for (const [about, object, peer, effect, reason] of rows) {
  test(`replay: ${about}`, () => {
    const [result] = replay(supposing(compileObjects([object])), [peer]);
    assert.deepEqual([result?.effect, result?.reason], [effect, reason]);
  });
}

const good = { port: 80, address: "10.0.0.1", tls: false, certificate: "unseen", sans: [], verdict: "forward" };
const POD = { namespace: "test", services: ["foo"], meshName: "osm" };
const document = (more: object): object => ({ kind: "postern-peers", version: 2, pod: POD, peers: [good], ...more });

test("a document of peers is read back, and what cannot be one is refused in words", () => {
  const whole = JSON.stringify(document({}));
  assert.deepEqual(readPeersText(whole), { pod: POD, peers: [{ ...good, count: 1 }] });
  const inAudit = { ...POD, auditUntil: 1_800_000_000_000 };
  const read = readPeersText(JSON.stringify(document({ pod: inAudit })));
  assert.deepEqual(typeof read === "string" ? read : read.pod, inAudit);
  const TO_DO = /: expected the JSON of GET \/peers of a sidecar's admin port; save it anew with: curl -s http:/;
  for (const [wrong, words, remedy = TO_DO] of [
    ["", /^it is empty/],
    [" \n", /^it is empty/],
    ["\u007fELF\0\0", /^it holds binary data/],
    [Buffer.from([0x1f, 0x8b, 0x08]).toString(), /^it holds binary data/],
    ["<!doctype html><html></html>", /^it holds HTML or XML/],
    ["404 page not found\nx", /^it holds text that is no JSON and begins with "404 page not found": /],
    [whole.slice(0, whole.length / 2), /^it holds JSON that is cut off/],
    [whole.slice(0, -1), /^it holds /],
    ["null", /^it holds JSON of another kind \(null\)/],
    ["[]", /^it holds JSON of another kind \(array\)/],
    ["[".repeat(100_000), /^it holds /],
    ["{}", /^it holds an empty JSON object/],
    [{ connections: [] }, /^it holds a JSON object with the members connections, no "kind": "postern-peers"/],
    [{ kind: "List", items: [] }, /^it holds a JSON object with "kind": "List"/],
    [{ kind: { kind: "postern-peers" } }, /^it holds a JSON object with "kind": of type object/],
    [
      document({ version: 1 }),
      /^it has version 1: expected 2; /,
      /replay it with the postern that wrote it, or save it/,
    ],
    [document({ version: undefined }), /^it has version missing: expected 2; /, /replay it with the postern/],
    [document({ pod: undefined }), /^in pod, the entry is missing, not an object/],
    [document({ pod: { services: [] } }), /^in pod, namespace is missing/],
    [document({ pod: { ...POD, services: "foo" } }), /^in pod, services are "foo", no list of names/],
    [document({ pod: { ...POD, meshName: 1 } }), /^in pod, meshName is 1, not a name/],
    [document({ pod: { ...POD, auditUntil: "soon" } }), /^in pod, auditUntil is "soon", not a time in milliseconds/],
    [document({ peers: {} }), /^its peers are of type object, no list/],
    [document({ peers: [{ ...good, port: 0 }] }), /^in peers\[0\], port is 0, not a port from 1/],
    [document({ peers: [good, { ...good, address: "<b>" }] }), /^in peers\[1\], address is "<b>", not an IP/],
    [document({ peers: [{ ...good, verdict: "y".repeat(9_999) }] }), /verdict is "y{59}\.\.\., not one of forward/],
    [document({ peers: [{ ...good, sans: ["x"] }] }), /sans holds an entry that is neither dns:NAME nor/],
    [document({ peers: [null] }), /^in peers\[0\], the entry is of type null, not an object/],
  ] as readonly (readonly [string | object, RegExp, RegExp?])[]) {
    const read = readPeersText(typeof wrong === "string" ? wrong : JSON.stringify(wrong));
    assert.ok(typeof read === "string", JSON.stringify(wrong).slice(0, 200));
    assert.match(read, words);
    assert.match(read, remedy);
  }
});

test("who is let in by an audit alone is said to be, whatever it got before", () => {
  const object = policy([http], [range("10.9.0.0/16")]);
  const annotations = { "postern.dev/enforcement": "audit:2030-01-31T18:00:00Z" };
  const snapshot = compileObjects([{ ...object, metadata: { ...object.metadata, annotations } }]);
  const during = supposing(snapshot, Date.parse("2030-01-31T17:00:00Z"));
  const after = supposing(snapshot, Date.parse("2030-01-31T18:00:00Z"));
  const peers = [seen({}), seen({ verdict: "close", reason: "source-not-listed" })];
  const effects = (state: typeof during) => replay(state, peers).map(({ effect, reason }) => [effect, reason]);
  assert.deepEqual(effects(during), [
    ["audit", "source-not-listed"],
    ["audit", "source-not-listed"],
  ]);
  assert.deepEqual(effects(after), [
    ["loses", "source-not-listed"],
    ["same", "source-not-listed"],
  ]);
});
