import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../../src/api-server/client.ts";
import { SYSTEM_CLOCK } from "../../src/api-server/clock.ts";
import { Lease } from "../../src/api-server/lease.ts";
import { DEFAULT_TIMING } from "../../src/api-server/timing.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";

test("a lock whose name has changed since is given up by the name that it was taken by", async (t) => {
  await using cluster = await StandInCluster.start();
  const client = new ApiClient({ credentials: cluster.credentials(), timing: DEFAULT_TIMING });
  t.after(() => client.close());
  let name = "former";
  const lease = new Lease({
    client,
    clock: SYSTEM_CLOCK,
    namespace: "test",
    name: () => name,
    identity: "us",
    durationMs: 60_000,
  });
  const holder = async (): Promise<unknown> => {
    const metadata = { namespace: "test", name: "former" };
    const { spec } = await cluster.api.read({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata });
    return (spec as { readonly holderIdentity?: string }).holderIdentity;
  };
  assert.equal(await lease.acquire(AbortSignal.timeout(60_000)), 0);
  assert.equal(await holder(), "us");
  name = "present";
  await lease.release(AbortSignal.timeout(60_000));
  assert.equal(await holder(), "");
});
