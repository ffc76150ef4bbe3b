import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ApiClient } from "../../../src/api-server/client.ts";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { KEPT_LABEL } from "../../../src/controller/names.ts";
import { ApiObjects } from "../../../src/install/cluster/api-objects.ts";
import { controllersObjects } from "../../../src/install/cluster/installed-objects.ts";
import { keptSecrets, unclaimedSecrets } from "../../../src/install/cluster/kept-secrets.ts";
import { nameOf } from "../../../src/install/names.ts";
import { identityOf } from "../../../src/api-server/objects.ts";
import type { ManifestLike } from "../../support/api-server/api-caller.ts";
import { typeOfManifest } from "../../support/api-server/resource-types.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";

const MESH = { name: "osm", namespace: "osm-system" };
const OURS = { "app.kubernetes.io/managed-by": "postern-controller" };

function objectOf(kind: string, path: string, labels: Readonly<Record<string, string>>): ManifestLike {
  const [namespace = "", name = ""] = path.split("/");
  const apiVersion = kind === "RoleBinding" ? "rbac.authorization.k8s.io/v1" : "v1";
  return { apiVersion, kind, metadata: { namespace, name, labels } };
}

const keptFor = (mesh: string) => ({ ...OURS, [KEPT_LABEL]: mesh });

/** A cluster with two meshes, in which the first is looked at. */
async function twoMeshes(t: TestContext): Promise<{ readonly objects: ApiObjects; readonly cluster: StandInCluster }> {
  const cluster = await StandInCluster.start();
  for (const name of ["osm-system", "two-system", "edge", "shop", "left"]) cluster.server.createNamespace(name);
  await cluster.api.apply(
    objectOf("Secret", "osm-system/postern-ca-osm", OURS),
    objectOf("Secret", "osm-system/osm-ca-bundle", OURS),
    objectOf("Secret", "osm-system/theirs", { "app.kubernetes.io/managed-by": "Helm", [KEPT_LABEL]: "osm" }),
    objectOf("Secret", "osm-system/gateway-two", keptFor("two")),
    objectOf("Secret", "edge/gateway", keptFor("osm")),
    objectOf("Secret", "edge/gateway-two", keptFor("two")),
    objectOf("Secret", "edge/gateway-old", OURS),
    objectOf("Secret", "edge/theirs", {}),
    objectOf("Secret", "two-system/postern-ca-two", OURS),
    objectOf("ConfigMap", "shop/osm-ca-bundle", OURS),
    objectOf("ConfigMap", "left/osm-ca-bundle", keptFor("osm")),
    objectOf("ConfigMap", "edge/osm-ca-bundle", keptFor("two")),
    objectOf("RoleBinding", "left/postern-sidecar-osm", keptFor("osm")),
  );
  const client = new ApiClient({ credentials: cluster.credentials(), timing: DEFAULT_TIMING });
  t.after(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });
  return { objects: new ApiObjects(client, AbortSignal.timeout(60_000)), cluster };
}

const FOUND = {
  osm: [],
  postern: [{ namespace: "osm-system" }, { namespace: "two-system" }],
  contours: [],
  // The second mesh's ConfigMap stands where the first has come since.
  namespaces: [
    { name: "shop", mesh: "osm" },
    { name: "edge", mesh: "osm" },
  ],
};

test("what the controller has made is found in every namespace, and nothing of another mesh or of anybody else", async (t) => {
  const { objects } = await twoMeshes(t);
  assert.deepEqual((await controllersObjects(objects, MESH, FOUND)).map(nameOf).sort(), [
    "ConfigMap left/osm-ca-bundle",
    "ConfigMap shop/osm-ca-bundle",
    "RoleBinding left/postern-sidecar-osm",
    "Secret edge/gateway",
    "Secret osm-system/osm-ca-bundle",
    "Secret osm-system/postern-ca-osm",
  ]);
  const names = (await keptSecrets(objects, MESH)).map((one) => identityOf(one)?.name ?? "").sort();
  assert.deepEqual(names, ["gateway", "osm-ca-bundle", "postern-ca-osm"]);
});

test("a Secret that does not say of which mesh it is, outside of the meshes' own namespaces, is named and not found", async (t) => {
  const { objects } = await twoMeshes(t);
  const unclaimed = await unclaimedSecrets(objects, FOUND.postern);
  assert.deepEqual(
    unclaimed.map((one) => identityOf(one)?.name),
    ["gateway-old"],
  );
});

test("a ClusterTrustBundle is found in the version that the cluster serves, once", async (t) => {
  const { objects, cluster } = await twoMeshes(t);
  const type = typeOfManifest("certificates.k8s.io/v1beta1", "ClusterTrustBundle");
  cluster.server.store.create(type, "", { metadata: { name: "postern.dev:osm:bundle", labels: OURS } });
  const found = (await controllersObjects(objects, MESH, FOUND)).filter(({ kind }) => kind === "ClusterTrustBundle");
  assert.deepEqual(found, [
    {
      apiVersion: "certificates.k8s.io/v1beta1",
      kind: "ClusterTrustBundle",
      metadata: { name: "postern.dev:osm:bundle" },
    },
  ]);
});
