import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../../src/api-server/client.ts";
import { DEFAULT_TIMING } from "../../src/api-server/timing.ts";
import { readController } from "../../src/cli/controller.ts";
import { createAuthority } from "../../src/controller/certificate-authority/create-authority.ts";
import { Leader } from "../../src/controller/leader.ts";
import { MeshNamespaces } from "../../src/controller/namespaces/mesh-namespaces.ts";
import { meshNames } from "../../src/controller/names.ts";
import { secretObject } from "../../src/controller/objects/owned-objects.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { reflectorEnvironment } from "../support/api-server/reflector-environment.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { until } from "../support/until.ts";

const { authoritySecret, webhookSecret } = meshNames("osm");
const NAMESPACE = "osm-system";

test("what was read in one term of leading is not published in the next", async (t) => {
  await using cluster = await StandInCluster.start();
  const { server } = cluster;
  server.createNamespace(NAMESPACE);
  const texts = await createAuthority({ meshName: "osm", now: Date.now(), validityMs: 86_400_000 });
  const object = secretObject("kubernetes.io/tls", {
    "tls.crt": texts.cert,
    "tls.key": texts.key,
    "ca.crt": texts.cert,
  });
  const metadata = { namespace: NAMESPACE, name: authoritySecret };
  await cluster.api.apply({ ...object, apiVersion: "v1", kind: "Secret", metadata });
  const asked = (method: string, end: string): readonly number[] =>
    server.calls.flatMap((call, index) => (call.method === method && call.path.endsWith(end) ? [index] : []));

  const client = new ApiClient({ credentials: cluster.credentials(), timing: DEFAULT_TIMING });
  const log = createLog("error", () => {});
  const environment = reflectorEnvironment(client);
  const leader = new Leader({
    config: readController(new Map(), {}, []).config,
    log,
    environment,
    namespaces: new MeshNamespaces(environment, "osm", () => {}),
    leads: () => true,
    onWebhookCertificate: () => {},
  });
  t.after(async () => {
    await leader.stop();
    await client.close();
  });

  // Leadership is lost and regained while the first term still writes its bundle.
  server.intervene = (call) => {
    if (call.method !== "POST") return undefined;
    server.intervene = () => undefined;
    leader.lead(false);
    leader.lead(true);
    return { kind: "late", byMs: 200 };
  };
  leader.start();
  await until("the certificate of the webhooks is asked for", () => asked("GET", `/${webhookSecret}`).length > 0);
  const [first] = asked("GET", `/${webhookSecret}`);
  const [, again] = asked("GET", `/${authoritySecret}`);
  assert.ok(again !== undefined && first !== undefined && again < first, `${again} ${first}`);
});
