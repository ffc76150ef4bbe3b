import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../../../src/api-server/client.ts";
import { labelOf } from "../../../src/api-server/objects.ts";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { BUNDLE_NAME, KEPT_LABEL } from "../../../src/controller/names.ts";
import { NamespaceObjects } from "../../../src/controller/namespaces/namespace-objects.ts";
import { reflectorEnvironment } from "../../support/api-server/reflector-environment.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { until } from "../../support/until.ts";

const OURS = { "app.kubernetes.io/managed-by": "postern-controller" };

test("a bundle that is right is marked as this mesh's all the same, unless it is somebody else's object", async (t) => {
  await using cluster = await StandInCluster.start();
  const client = new ApiClient({ credentials: cluster.credentials(), timing: DEFAULT_TIMING });
  const marks = { moved: { ...OURS, [KEPT_LABEL]: "former" }, old: OURS, foreign: {} };
  for (const [namespace, labels] of Object.entries(marks)) {
    cluster.server.createNamespace(namespace);
    const metadata = { namespace, name: BUNDLE_NAME, labels };
    await cluster.api.apply({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { "ca.crt": "same" } });
  }
  const environment = reflectorEnvironment(client);
  const objects = new NamespaceObjects(environment, { client, meshName: "two", onChange: () => undefined });
  objects.start();
  t.after(async () => {
    await objects.stop();
    await client.close();
  });
  await until("what is there is known", () => objects.synced);
  // The stand-in has no ClusterRoleBinding, which is looked at last.
  await assert.rejects(objects.reconcile(Object.keys(marks), "same", AbortSignal.timeout(30_000)), { kind: "absent" });
  const markOf = async (namespace: string): Promise<string | undefined> =>
    labelOf(
      await cluster.api.read({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name: BUNDLE_NAME } }),
      KEPT_LABEL,
    );
  assert.equal(await markOf("moved"), "two");
  assert.equal(await markOf("old"), "two");
  assert.equal(await markOf("foreign"), undefined);
});
