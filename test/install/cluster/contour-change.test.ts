import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ApiClient } from "../../../src/api-server/client.ts";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { ApiObjects } from "../../../src/install/cluster/api-objects.ts";
import { changeContour, contourChange, type ContourChange } from "../../../src/install/cluster/contour-change.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";

const MESH = { name: "osm", namespace: "osm-system" };
const metadata = { name: "contour", namespace: "projectcontour" };
const CONFIG = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata,
  data: { "contour.yaml": "# mine\n", other: "as it was" },
};
const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: {} };

class Contour {
  readonly cluster: StandInCluster;
  readonly objects: ApiObjects;

  constructor(cluster: StandInCluster, client: ApiClient) {
    this.cluster = cluster;
    this.objects = new ApiObjects(client, AbortSignal.timeout(60_000));
  }

  static async start(t: TestContext): Promise<Contour> {
    const cluster = await StandInCluster.start();
    cluster.server.createNamespace("projectcontour");
    await cluster.api.apply(CONFIG, DEPLOYMENT);
    const client = new ApiClient({ credentials: cluster.credentials(), timing: DEFAULT_TIMING });
    t.after(async () => {
      await client.close();
      await cluster[Symbol.asyncDispose]();
    });
    return new Contour(cluster, client);
  }

  /** The delegation aside, whose kind is Contour's own. */
  async look(): Promise<ContourChange> {
    const { delegation: _, ...change } = await contourChange(this.objects, "projectcontour", MESH);
    return change;
  }

  make(change: ContourChange): Promise<void> {
    return changeContour(this.objects, "projectcontour", change);
  }

  async restarts(): Promise<boolean> {
    return JSON.stringify((await this.cluster.api.read(DEPLOYMENT))["spec"]).includes("restartedAt");
  }

  async data(): Promise<Readonly<Record<string, string>>> {
    return (await this.cluster.api.read(CONFIG))["data"] as Readonly<Record<string, string>>;
  }
}

test("a restart that failed is made up for by the next run, and the one after finds nothing to do", async (t) => {
  const contour = await Contour.start(t);
  const refusal = { status: 403, reason: "Forbidden", message: "not you" };
  contour.cluster.server.intervene = ({ method, path }) =>
    method === "PATCH" && path.includes("/deployments/") ? { kind: "refuse", refusal } : undefined;
  await assert.rejects(contour.make(await contour.look()), /not you/);
  contour.cluster.server.intervene = () => undefined;
  assert.match((await contour.data())["contour.yaml"] ?? "", /^# mine\n.*envoy-client-certificate/s);

  const again = await contour.look();
  assert.equal(again.config, undefined);
  await contour.make(again);
  assert.equal(await contour.restarts(), true);
  assert.equal((await contour.look()).restart, false);
});

test("what somebody else has made of the ConfigMap meanwhile is not written over", async (t) => {
  const contour = await Contour.start(t);
  const change = await contour.look();
  await contour.cluster.api.replace({ ...CONFIG, data: { ...CONFIG.data, "contour.yaml": "# theirs\n" } });
  await assert.rejects(contour.make(change), /has been modified/);
  assert.equal((await contour.data())["contour.yaml"], "# theirs\n");
  assert.equal(await contour.restarts(), false);
  await contour.make(await contour.look());
  assert.match((await contour.data())["contour.yaml"] ?? "", /^# theirs\n.*envoy-client-certificate/s);
  assert.equal((await contour.data())["other"], "as it was");
});
