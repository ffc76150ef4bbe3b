/** OSM's first fault: tickets are issued, and a resumed session needs no certificate and keeps the first principal. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { startApplication } from "../support/application/application.ts";
import { exchange } from "../support/caller/caller.ts";
import { GATEWAY_NAME, TestMesh } from "../support/mesh/mesh.ts";
import { mutual, policy, principal } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`${version}: no session is resumed, with or without a certificate`, async () => {
    const mesh = await TestMesh.create();
    const { ca, pair } = await mesh.caller();
    await using application = await startApplication();
    await using sidecar = await startSidecar({
      manifests: [policy([mutual], [principal(GATEWAY_NAME)])],
      backends: [{ app: application.port }],
      tls: mesh.own,
    });
    const options = {
      host: "127.0.0.1",
      port: sidecar.port(),
      ca,
      checkServerIdentity: () => undefined,
      minVersion: version,
      maxVersion: version,
    };
    const sessions: Buffer[] = [];
    const first = connectTls({ ...options, cert: pair.certPem, key: pair.keyPem });
    first.on("session", (session) => sessions.push(session));
    await once(first, "secureConnect");
    assert.equal((await exchange(first, {})).status, 200);
    const saved = first.getSession();
    first.destroy();

    for (const session of [...sessions, ...(saved === undefined ? [] : [saved])]) {
      const bare = connectTls({ ...options, session });
      await assert.rejects(resumed(bare), "a session took the place of the certificate");
      const again = connectTls({ ...options, session, cert: pair.certPem, key: pair.keyPem });
      await once(again, "secureConnect");
      assert.equal(again.isSessionReused(), false);
      again.destroy();
    }
    assert.equal(application.requests.length, 1);
  });
}

async function resumed(socket: TLSSocket): Promise<void> {
  await once(socket, "secureConnect");
  await exchange(socket, {});
}
