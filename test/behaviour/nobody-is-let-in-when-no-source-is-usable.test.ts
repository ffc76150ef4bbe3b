/** OSM's seventh fault: no sources, only principals on http, or only invalid ranges are open to everyone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { tryCall } from "../support/caller/caller.ts";
import { http, policy, policyOf, principal, range, service } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

test("each of them refuses everybody, and says why", async () => {
  await using application = await startApplication();
  await using sidecar = await startSidecar({ manifests: [], backends: [{ app: application.port }] });
  const worlds = {
    "no object": [],
    "no sources": [policy([http], [])],
    "sources left out": [policyOf({ backends: [http] })],
    "only principals on http": [policy([http], [principal("x")])],
    "only invalid ranges": [policy([http], [range("nonsense"), range("10.0.0.0/33")])],
    "a Service without endpoints": [policy([http], [service("gw-ns/gone")])],
  };
  for (const [name, manifests] of Object.entries(worlds)) {
    await sidecar.apply(manifests);
    const from = sidecar.log.lines.length;
    const outcome = await tryCall({ port: sidecar.port() });
    assert.ok("error" in outcome, `${name} lets in: ${JSON.stringify(outcome)}`);
    const line = await sidecar.log.next({ event: "connection", end: "refused" }, { from });
    assert.match(
      String(line["reason"]),
      /^(?:no-policy|no-usable-source|source-without-endpoints|invalid-policy)$/,
      name,
    );
  }
  assert.equal(application.connections, 0);
});
