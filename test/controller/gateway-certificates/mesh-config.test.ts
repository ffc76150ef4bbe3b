import assert from "node:assert/strict";
import { test } from "node:test";
import { gatewaysOf } from "../../../src/controller/gateway-certificates/gateway-certificates.ts";
import {
  parseGoDuration,
  readMeshConfigCertificate,
} from "../../../src/controller/gateway-certificates/mesh-config.ts";

const stanza = {
  secret: { name: "edge", namespace: "osm-system" },
  subjectAltNames: ["edge.osm-system.cluster.local", "second"],
  validityDuration: "48h",
};
const config = (certificate: object): object => ({ spec: { certificate } });

test("Go's durations are read, and nothing else", () => {
  assert.equal(parseGoDuration("24h"), 86_400_000);
  assert.equal(parseGoDuration("1h30m0s"), 5_400_000);
  assert.equal(parseGoDuration("1.5h"), 5_400_000);
  for (const text of ["", "24", "h", "1d", "-1h", " 1h"]) assert.equal(parseGoDuration(text), undefined, text);
});

test("the gateway and the validities of a MeshConfig are read", () => {
  const read = readMeshConfigCertificate(config({ serviceCertValidityDuration: "12h", ingressGateway: stanza }));
  assert.deepEqual(read, {
    serviceValidityMs: 12 * 3_600_000,
    gateway: {
      namespace: "osm-system",
      secret: "edge",
      name: "edge.osm-system.cluster.local",
      validityMs: 48 * 3_600_000,
    },
    problems: [],
  });
});

test("where there is none, or none of its certificates, nothing is said", () => {
  for (const object of [undefined, {}, { spec: {} }, { spec: { certificate: null } }, config({ ingressGateway: null })])
    assert.deepEqual(readMeshConfigCertificate(object), { problems: [] });
});

test("what cannot be used is told, and the default holds", () => {
  const bad = [
    { ingressGateway: { ...stanza, subjectAltNames: [] } },
    { ingressGateway: { ...stanza, subjectAltNames: ["*.osm-system"] } },
    { ingressGateway: { ...stanza, subjectAltNames: [7] } },
    { ingressGateway: { ...stanza, secret: { name: "../x", namespace: "osm-system" } } },
    { serviceCertValidityDuration: "1s" },
    { serviceCertValidityDuration: "forever" },
  ];
  for (const certificate of bad) {
    const { gateway, serviceValidityMs, problems } = readMeshConfigCertificate(config(certificate));
    assert.equal(problems.length, 1, JSON.stringify(certificate));
    assert.match(problems[0]!, /expected/);
    assert.deepEqual([gateway, serviceValidityMs], [undefined, undefined]);
  }
});

test("a MeshConfig's gateway takes the place of the default, and stands beside named ones", () => {
  const gateway = { namespace: "a", secret: "b", name: "c" };
  const other = { namespace: "a", secret: "d", name: "e" };
  assert.deepEqual(gatewaysOf([other], true, {}), [other]);
  assert.deepEqual(gatewaysOf([other], true, { gateway }), [gateway]);
  assert.deepEqual(gatewaysOf([other, { ...gateway, name: "z" }], false, { gateway }), [other, gateway]);
});
