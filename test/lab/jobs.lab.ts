/** A Job in a namespace of an installed mesh: it ends when its own container has ended, and its sidecar with it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { cachedBinaries } from "../cluster/control-plane/build.ts";
import { InstalledCluster } from "./install/installed-cluster.ts";

const built = (await cachedBinaries(process.env)) !== undefined;
let lab: InstalledCluster;

function job(name: string, script: string): object {
  const container = {
    name: "app",
    image: "registry.example/foo:1",
    command: ["node", "-e", script],
    ports: [{ containerPort: 80 }],
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: "test" },
    spec: { backoffLimit: 0, template: { spec: { restartPolicy: "Never", containers: [container] } } },
  };
}

describe("a Job's pod", { skip: built ? false : "the control plane is not to be had here" }, () => {
  before(async () => {
    if (!built) return;
    lab = await InstalledCluster.start();
    await lab.follow("postern install --apply");
    await lab.follow("kubectl create namespace test");
    await lab.follow("kubectl label namespace test openservicemesh.io/monitored-by=osm");
  });
  after(() => lab?.[Symbol.asyncDispose]());

  test("gets a sidecar, and the Job is complete when its own container has ended well", async () => {
    await lab.cluster.apply(job("once", "setTimeout(() => console.log('done'), 3000)"));
    await lab.follow("kubectl -n test wait --for=condition=complete job/once --timeout=120s");
    const pod = lab.pod("test", "once-");
    assert.match(pod.logOf("app"), /^done$/m);
    // It ran beside it, and was told to end when that had ended.
    assert.match(pod.logOf("postern"), /"message":"backend listens"[^]*"message":"drained"/);
  });

  test("has failed when its own container has failed, whatever the sidecar's end", async () => {
    await lab.cluster.apply(job("never", "setTimeout(() => process.exit(3), 1000)"));
    await lab.follow("kubectl -n test wait --for=condition=failed job/never --timeout=120s");
    assert.match(lab.pod("test", "never-").logOf("postern"), /"message":"drained"/);
  });
});
