import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ApiClient } from "../../src/api-server/client.ts";
import { DEFAULT_TIMING } from "../../src/api-server/timing.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";

const ROUNDS = 60;
const AT_ONCE = 20;
const PATH = "/apis/policy.openservicemesh.io/v1alpha1/namespaces/test/ingressbackends";

test("requests with a body that are aborted, wherever they stand, leave a client that answers", async () => {
  await using cluster = await StandInCluster.start();
  const client = new ApiClient({ credentials: cluster.credentials(), timing: DEFAULT_TIMING });
  const body = { metadata: { annotations: { filler: "x".repeat(700) } } };
  let aborted = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const ends = Array.from({ length: AT_ONCE }, () => new AbortController());
    const asked = ends.map(({ signal }, index) =>
      client
        .json({
          method: "PATCH",
          path: `${PATH}/none-${index}`,
          body,
          contentType: "application/merge-patch+json",
          signal,
        })
        .catch((error: Error) => {
          if (signal.aborted) aborted += 1;
          else assert.match(error.message, /not found/);
        }),
    );
    for (const [index, end] of ends.entries()) {
      if (index % 5 === round % 5) await delay(index % 3);
      end.abort();
    }
    await Promise.all(asked);
  }
  assert.ok(aborted > ROUNDS, `${aborted} were aborted`);
  const list = (await client.json({ path: PATH, signal: new AbortController().signal })) as { readonly kind?: string };
  assert.equal(list.kind, "IngressBackendList");
  await client.close();
  assert.equal(client.openConnections, 0);
});
