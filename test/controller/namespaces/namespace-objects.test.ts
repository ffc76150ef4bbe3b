import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../../../src/api-server/client.ts";
import { SYSTEM_CLOCK } from "../../../src/api-server/clock.ts";
import { labelOf } from "../../../src/api-server/objects.ts";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { Outage } from "../../../src/api-server/watch/outage.ts";
import { Report } from "../../../src/api-server/watch/report.ts";
import { BUNDLE_NAME, KEPT_LABEL } from "../../../src/controller/names.ts";
import { NamespaceObjects } from "../../../src/controller/namespaces/namespace-objects.ts";
import { createLog } from "../../../src/telemetry/log.ts";
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
  const log = createLog("error", () => undefined);
  const environment = {
    client,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    report: new Report(log, SYSTEM_CLOCK),
    timing: DEFAULT_TIMING,
    outage: new Outage(SYSTEM_CLOCK, Math.random, DEFAULT_TIMING),
  };
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
