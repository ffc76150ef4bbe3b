import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { warnOfMeshConfig } from "../../../src/discovery/kubernetes/mesh-config-warning.ts";
import { HeldCredentials } from "../../support/api-server/test-cluster.ts";
import { TestAuthority } from "../../support/mesh/authority.ts";

/** What is said when an API server answers so. */
async function saidOf(answer: RequestListener): Promise<readonly string[]> {
  const authority = await TestAuthority.create("CN=test cluster CA");
  const { certPem, keyPem } = await authority.issue({ sans: ["ip:127.0.0.1"] });
  const server = createServer({ cert: certPem, key: keyPem }, answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const said: string[] = [];
  const take = (level: string) => (fields: object, message: string) => {
    said.push(`${level} ${message}: ${JSON.stringify(fields)}`);
  };
  const { port } = server.address() as AddressInfo;
  await warnOfMeshConfig(new HeldCredentials(port, "token", authority.certPem), {
    info: take("info"),
    warn: take("warn"),
    error: take("error"),
  });
  server.closeAllConnections();
  server.close();
  return said;
}

test("a MeshConfig that may be read and has external authorization is an error of the log", async () => {
  const traffic = { inboundExternalAuthorization: { enable: true } };
  const item = { metadata: { namespace: "osm-system", name: "osm-mesh-config" }, spec: { traffic } };
  const said = await saidOf((request, response) => {
    assert.equal(request.url, "/apis/config.openservicemesh.io/v1alpha2/meshconfigs");
    response.end(JSON.stringify({ items: [item] }));
  });
  assert.equal(said.length, 1);
  assert.match(
    said[0]!,
    /^error MeshConfig asks for what Postern does not do: .*osm-system\/osm-mesh-config.*not enforced/,
  );
});

test("one that may not be read, is not there, or is nonsense gets no word", async () => {
  for (const [status, body] of [
    [403, "{}"],
    [404, ""],
    [200, "nonsense"],
    [200, '{"items":[null,7,{}]}'],
  ] as const)
    assert.deepEqual(await saidOf((_, response) => response.writeHead(status).end(body)), [], `${status} ${body}`);
});
