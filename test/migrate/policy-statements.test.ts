import assert from "node:assert/strict";
import { test } from "node:test";
import { readInstallation } from "../../src/migrate/installation.ts";
import { policyStatements } from "../../src/migrate/policy-statements.ts";
import { backend, http, mutual, policy, principal, range, type Manifest } from "../support/mesh/objects.ts";

const NAMESPACE = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "test", labels: { "openservicemesh.io/monitored-by": "osm" } },
};
const EDGE = range("10.0.0.0/8");

/** `OUTCOME text` of all that is said of the mapping of backends, in order. */
function said(...objects: readonly Manifest[]): readonly string[] {
  const installation = readInstallation([NAMESPACE, ...objects.map((object) => ({ ...object }))], {});
  assert.ok(!("problem" in installation));
  return policyStatements(installation)
    .filter(({ outcome }) => outcome !== "differs")
    .map(({ outcome, text }) => `${outcome} ${text}`);
}

test("a backend maps where Postern's rule for it is open", () => {
  assert.deepEqual(said(policy([http], [EDGE], "test/a")), ["maps foo:80 http for IPRange 10.0.0.0/8"]);
});

test("a backend without a usable source is open in OSM and closed here", () => {
  for (const object of [
    policy([http], [], "test/a"),
    policy([http], [principal("a.b")], "test/a"),
    policy([mutual], [range("10.0.0.0/99"), principal("a.b")], "test/a"),
  ])
    assert.deepEqual(said(object), [
      "CLOSED foo:80: OSM opens it to everybody, since no source can be used; Postern closes it",
    ]);
});

test("what the compiler closes is no mapping: protocols, server names, a backend that is listed twice", () => {
  const sni = { skipClientCertValidation: true, sniHosts: [""] };
  for (const [object, reason] of [
    [policy([backend("foo", 80, "grpc")], [EDGE], "test/a"), /^CLOSED foo:80: Expected 'port\.protocol'.*got: grpc; /],
    [policy([backend("foo", 80, "https", sni)], [EDGE], "test/a"), /^CLOSED foo:80: Invalid 'tls\.sniHosts' value ''/],
    [policy([http, http], [EDGE], "test/a"), /^CLOSED foo:80: Duplicate backends detected/],
  ] as const) {
    const [first = "", ...others] = said(object);
    assert.match(first, reason);
    assert.deepEqual(
      others.filter((text) => text.startsWith("maps")),
      [],
    );
  }
});

test("of two objects on one backend the one that does not govern loses its callers", () => {
  const created = (object: Manifest, year: number): Manifest => ({
    ...object,
    metadata: { ...object.metadata, creationTimestamp: `${year}-01-01T00:00:00Z` },
  });
  const younger = created(policy([http], [range("10.1.0.0/16")], "test/a"), 2024);
  const older = created(policy([http], [EDGE], "test/b"), 2023);
  assert.deepEqual(said(younger, older), [
    "CLOSED foo:80: IngressBackend test/b governs it; Postern refuses whom this object alone lets in",
    "maps foo:80 http for IPRange 10.0.0.0/8",
  ]);
});

test("a backend of one pod of a StatefulSet maps as that of its Service does", () => {
  assert.deepEqual(said(policy([backend("foo-1.foo", 80, "http")], [EDGE], "test/a")), [
    "maps foo-1.foo:80 http for IPRange 10.0.0.0/8",
  ]);
});
