/** OSM's third fault: routes are shared between ports, so that 8080 is reached by whoever may reach 80. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startApplication } from "../support/application/application.ts";
import { tryCall } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { backend, http, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

test("a certificate that the one port does not list does not get in by the rule of the other", async () => {
  const mesh = await TestMesh.create();
  await using open = await startApplication((_request, response) => response.end("port 80"));
  await using guarded = await startApplication((_request, response) => response.end("port 8080"));
  await using sidecar = await startSidecar({
    manifests: [
      policy([http], [range("127.0.0.0/8")], "test/open"),
      policy(
        [backend("foo", 8080, "https", { skipClientCertValidation: false })],
        [principal(GATEWAY_NAME)],
        "test/guarded",
      ),
    ],
    backends: [{ app: open.port }, { port: 8080, app: guarded.port }],
    tls: mesh.own,
  });

  const stranger = { port: sidecar.port(8080), tls: await mesh.caller("any.body") };
  assert.deepEqual(await status(tryCall(stranger)), [403, "RBAC: access denied"]);
  const gateway = { port: sidecar.port(8080), tls: await mesh.caller() };
  assert.deepEqual(await status(tryCall(gateway)), [200, "port 8080"]);
  assert.deepEqual(await status(tryCall({ port: sidecar.port(80) })), [200, "port 80"]);
  assert.deepEqual([open.requests.length, guarded.requests.length], [1, 1]);
});

async function status(call: ReturnType<typeof tryCall>): Promise<unknown> {
  const outcome = await call;
  return "status" in outcome ? [outcome.status, outcome.body] : outcome;
}
