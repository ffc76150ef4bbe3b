import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEndpoints, parseEndpointSlice } from "../../../src/policy/objects/parse-endpoints.ts";

function sliceOf(addressType: unknown, endpoints: unknown): unknown {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "gw", name: "edge-1", labels: { "kubernetes.io/service-name": "edge" } },
    addressType,
    endpoints,
  };
}

function read(addressType: unknown, endpoints: unknown): { readonly ready: string[]; readonly notReady: string[] } {
  const parsed = parseEndpointSlice(sliceOf(addressType, endpoints));
  return {
    ready: (parsed?.endpoints ?? []).map(({ address }) => address),
    notReady: (parsed?.notReady ?? []).map(({ address }) => address),
  };
}

test("an endpoint is ready by true and by nothing said, and by nothing else", () => {
  const found = (conditions: unknown): object => read("IPv4", [{ addresses: ["10.0.0.1"], conditions }]);
  for (const conditions of [undefined, null, {}, { ready: null }, { ready: true }])
    assert.deepEqual(found(conditions), { ready: ["10.0.0.1"], notReady: [] }, JSON.stringify(conditions));
  for (const ready of [false, "false", "true", "", "x", 0, 1, Number.NaN, [], {}])
    assert.deepEqual(found({ ready }), { ready: [], notReady: ["10.0.0.1"] }, JSON.stringify(ready));
  for (const conditions of ["x", "", 0, true, [], [{ ready: true }]])
    assert.deepEqual(found(conditions), { ready: [], notReady: ["10.0.0.1"] }, JSON.stringify(conditions));
  for (const name of ["serving", "terminating"])
    for (const value of ["true", 1, {}])
      assert.deepEqual(found({ ready: false, [name]: value }), { ready: [], notReady: ["10.0.0.1"] }, name);
});

test("of a slice the addresses count that its addressType fits, an IPv4-mapped one as either", () => {
  const addresses = ["10.0.0.1", "::ffff:10.0.0.2", "fd00::1"];
  const all = [{ addresses }];
  assert.deepEqual(read("IPv4", all).ready, ["10.0.0.1", "::ffff:10.0.0.2"]);
  assert.deepEqual(read("IPv6", all).ready, ["::ffff:10.0.0.2", "fd00::1"]);
  for (const absent of [undefined, null]) assert.deepEqual(read(absent, all).ready, addresses);
  for (const addressType of ["FQDN", "IP", "ipv4", "", 4, {}, "__proto__"])
    assert.deepEqual(read(addressType, all).ready, [], JSON.stringify(addressType));
});

test("what is no address is no endpoint", () => {
  const texts = [
    "0.0.0.0/0",
    "10.0.0.1/32",
    "10.0.0.256",
    "010.0.0.1",
    "edge",
    "fe80::1%eth0",
    "",
    null,
    5,
    ["10.0.0.1"],
  ];
  for (const text of texts) {
    assert.deepEqual(read("IPv4", [{ addresses: [text] }]), { ready: [], notReady: [] }, JSON.stringify(text));
    assert.deepEqual(
      parseEndpoints({ metadata: { namespace: "gw", name: "edge" }, subsets: [{ addresses: [{ ip: text }] }] })
        ?.endpoints,
      [],
      JSON.stringify(text),
    );
  }
});
