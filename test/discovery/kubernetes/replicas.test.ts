/** The status is written by one of many processes, and another takes over where the writer is killed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Replica } from "../../support/api-server/replica.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { EDGE, OTHER, edgeSlice, letIn } from "./suite/objects.ts";

const PROCESSES = 5;
const LEASE_MS = 1_500;
/** A writer that fell silent is given up after the lease; then comes the spread of those who try. */
const TAKEN_OVER_MS = LEASE_MS * 5;

class Deployment implements AsyncDisposable {
  readonly cluster: StandInCluster;
  readonly replicas: readonly Replica[];

  private constructor(cluster: StandInCluster, replicas: readonly Replica[]) {
    this.cluster = cluster;
    this.replicas = replicas;
  }

  static async start(cluster: StandInCluster): Promise<Deployment> {
    const credentials = cluster.credentials();
    const starting = Array.from({ length: PROCESSES }, (_, index) =>
      Replica.start({ credentials, podName: `foo-${index}`, leaseDurationMs: LEASE_MS }),
    );
    const settled = await Promise.allSettled(starting);
    const deployment = new Deployment(
      cluster,
      settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])),
    );
    if (deployment.replicas.length === PROCESSES) return deployment;
    await deployment[Symbol.asyncDispose]();
    throw new AggregateError(settled.map((one) => (one as PromiseRejectedResult).reason));
  }

  /** Requests on the status subresource that reached the server. */
  get writes(): number {
    return this.cluster.server.calls.filter(({ method, path }) => method !== "GET" && path.endsWith("/status")).length;
  }

  async written(times: number, withinMs = 5_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (this.writes < times) {
      if (performance.now() > deadline) throw new Error(`${this.writes} writes in ${withinMs} ms, not ${times}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Whose name is in the Lease. */
  async writer(): Promise<Replica> {
    const { items = [] } = await this.cluster.api.ask("GET", "/apis/coordination.k8s.io/v1/namespaces/test/leases");
    const [lease, ...others] = items;
    assert.ok(lease !== undefined && others.length === 0, "replicas of one Service share one Lease");
    const { holderIdentity } = lease["spec"] as { readonly holderIdentity: string };
    const writer = this.replicas.find(({ podName }) => holderIdentity.startsWith(`${podName}_`));
    assert.ok(writer !== undefined, `${holderIdentity} is none of ours`);
    return writer;
  }

  async status(): Promise<string | undefined> {
    return (await this.cluster.api.read(letIn())).status?.currentStatus;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.kill()));
  }
}

test(`of ${PROCESSES} processes one writes; killed, it is followed by another, and every change is written once`, async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  await using deployment = await Deployment.start(cluster);
  await deployment.written(1);
  assert.equal(await deployment.status(), "committed");

  const writer = await deployment.writer();
  await writer.kill();
  await cluster.api.replace({ ...edgeSlice(), endpoints: [] });
  await deployment.written(2, TAKEN_OVER_MS);
  assert.equal(await deployment.status(), "error");
  const successor = await deployment.writer();
  assert.notEqual(successor.podName, writer.podName);

  await cluster.api.replace(edgeSlice(OTHER));
  await deployment.written(3, TAKEN_OVER_MS);
  assert.equal(await deployment.status(), "committed");
  assert.equal((await deployment.writer()).podName, successor.podName, "who wrote last writes next");
  // Longer than anybody waits who still has something to write: that nothing happens is no event.
  await new Promise((resolve) => setTimeout(resolve, LEASE_MS + 500));
  assert.equal(deployment.writes, 3, "nobody wrote what somebody had written");
});

test("a writer that is killed while it writes leaves nothing unwritten", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(letIn("gateways/edge"), edgeSlice(EDGE));
  cluster.server.intervene = ({ path }) => (path.endsWith("/status") ? { kind: "hang" } : undefined);
  await using deployment = await Deployment.start(cluster);
  await deployment.written(1);
  assert.equal(await deployment.status(), undefined);
  cluster.server.intervene = () => undefined;
  const writer = await deployment.writer();
  await writer.kill();
  await deployment.written(2, TAKEN_OVER_MS);
  assert.equal(await deployment.status(), "committed");
  assert.notEqual((await deployment.writer()).podName, writer.podName);
});
