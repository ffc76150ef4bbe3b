import assert from "node:assert/strict";
import { test } from "node:test";
import { readDocuments } from "../../../src/discovery/manifests/documents.ts";
import { misspelt } from "../../../src/discovery/manifests/misspelt.ts";

const found = (apiVersion: string, kind: string): readonly string[] =>
  readDocuments("a.yaml", JSON.stringify({ apiVersion, kind, metadata: { name: "a" } }))
    .objects.flatMap(misspelt)
    .map(({ path, message }) => `${path}: ${message}`);

for (const [apiVersion, kind, words] of [
  ["v1", "Sevice", /^kind: unknown kind 'Sevice', did you mean 'Service'\?$/],
  ["v1", "service", /^kind: .* 'Service'\?$/],
  ["v1", "Services", /^kind: .* 'Service'\?$/],
  ["v1", "Endpoint", /^kind: .* 'Endpoints'\?$/],
  ["v1", "NameSpace", /^kind: .* 'Namespace'\?$/],
  ["discovery.k8s.io/v1", "EndpointSlices", /^kind: .* 'EndpointSlice'\?$/],
  ["discovery.k8s.io/v1", "Endpointslice", /^kind: .* 'EndpointSlice'\?$/],
  [
    "v1",
    "EndpointSlice",
    /^apiVersion: unknown apiVersion 'v1' of kind EndpointSlice; expected discovery\.k8s\.io\/v1$/,
  ],
  ["policy.openservicemesh.io/v1alpha1", "IngresBackend", /^kind: .* 'IngressBackend'\?$/],
  ["policy.openservicemesh.io/v1", "IngressBackend", /^apiVersion: .*; expected policy\.openservicemesh\.io\//],
] as const)
  test(`${apiVersion} ${kind} is said to be read as nothing, with what was meant`, () => {
    const messages = found(apiVersion, kind);
    assert.equal(messages.length, 1);
    assert.match(messages[0] ?? "", words);
  });

test("objects that are read, and other kinds however they are spelt, are passed over without a word", () => {
  for (const [apiVersion, kind] of [
    ["v1", "Service"],
    ["v1", "Endpoints"],
    ["v1", "Namespace"],
    ["discovery.k8s.io/v1", "EndpointSlice"],
    ["discovery.k8s.io/v1beta1", "EndpointSlice"],
    ["v1", "Secret"],
    ["v1", "Secrets"],
    ["v1", "ServiceAccount"],
    ["v1", "ServiceAccounts"],
    ["v1", "ConfigMap"],
    ["apps/v1", "Deployment"],
    ["networking.k8s.io/v1", "Ingress"],
    ["serving.knative.dev/v1", "Service"],
    ["metrics.k8s.io/v1beta1", "Services"],
  ] as const)
    assert.deepEqual(found(apiVersion, kind), [], `${apiVersion} ${kind}`);
});
