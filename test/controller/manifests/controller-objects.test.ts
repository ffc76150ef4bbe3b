import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { controllerObjects, CONTROLLER_DEFAULTS } from "../../../src/controller/manifests/controller-objects.ts";
import type { Manifest } from "../../../src/controller/manifests/manifest.ts";

const objectsOf = (name: string): readonly Manifest[] =>
  controllerObjects({
    ...CONTROLLER_DEFAULTS,
    mesh: { name, namespace: `${name}-system`, trustDomain: "cluster.local" },
    image: "postern:1",
    gatewaySecrets: [{ namespace: "edge", secret: "edge-cert" }],
  });

const idOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;

test("two meshes share no object", () => {
  const ids = [...objectsOf("osm"), ...objectsOf("second")].map(idOf);
  assert.equal(new Set(ids).size, ids.length);
});

test("a sidecar of the mesh has the rights of the shipped role", () => {
  const file = join(import.meta.dirname, "../../../config/kubernetes/roles.yaml");
  const [shipped] = parseAllDocuments(readFileSync(file, "utf8")).map((one) => one.toJS() as Manifest);
  const role = objectsOf("osm").find(({ metadata }) => metadata.name === "postern-sidecar-osm");
  assert.deepEqual(role?.["rules"], shipped?.["rules"]);
});

test("every rule of the controller that the API lets name objects names them", () => {
  const unnamed = objectsOf("osm")
    .filter(({ kind, metadata }) => kind.endsWith("Role") && metadata.name === "postern-controller-osm")
    .flatMap(
      (role) =>
        role["rules"] as readonly {
          readonly resources: string[];
          readonly verbs: string[];
          readonly resourceNames?: string[];
        }[],
    )
    .filter(({ resourceNames }) => resourceNames === undefined)
    .flatMap(({ resources, verbs }) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)));
  assert.deepEqual([...new Set(unnamed)].sort(), [
    "create clustertrustbundles",
    "create configmaps",
    "create leases",
    "create rolebindings",
    "create secrets",
    "list certificatesigningrequests",
    "list ingressbackends",
    "list namespaces",
    "list services",
    "update certificatesigningrequests/approval",
    "update certificatesigningrequests/status",
    "watch certificatesigningrequests",
    "watch namespaces",
  ]);
});

test("no pod of the mesh's own namespace waits for the webhooks", () => {
  for (const configuration of objectsOf("osm").filter(({ kind }) => kind.endsWith("WebhookConfiguration"))) {
    const text = JSON.stringify(configuration);
    assert.match(text, /"matchLabels":\{"openservicemesh.io\/monitored-by":"osm"\}/);
    assert.match(text, /"operator":"NotIn","values":\["osm-system"\]/);
  }
});
