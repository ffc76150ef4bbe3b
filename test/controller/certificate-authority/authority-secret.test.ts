import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../../../src/api-server/client.ts";
import { DEFAULT_TIMING } from "../../../src/api-server/timing.ts";
import { AuthorityError } from "../../../src/controller/certificate-authority/authority.ts";
import { AuthoritySecret } from "../../../src/controller/certificate-authority/authority-secret.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { StandInCluster } from "../../support/api-server/test-cluster.ts";

test("a Secret of a given CA that holds nothing is told by its name", async (t) => {
  await using cluster = await StandInCluster.start();
  cluster.server.createNamespace("osm-system");
  await cluster.api.apply({ apiVersion: "v1", kind: "Secret", metadata: { namespace: "osm-system", name: "given" } });
  const client = new ApiClient({ credentials: cluster.credentials(), timing: DEFAULT_TIMING });
  t.after(() => client.close());
  const secret = new AuthoritySecret({
    client,
    log: createLog("error", () => {}),
    meshName: "osm",
    namespace: "osm-system",
    secret: "given",
    given: true,
    validityMs: 86_400_000,
    overlapMs: 3_600_000,
  });
  await assert.rejects(
    secret.reconcile(Date.now(), AbortSignal.timeout(60_000)),
    (error) => error instanceof AuthorityError && error.message.includes("Secret osm-system/given"),
  );
});
