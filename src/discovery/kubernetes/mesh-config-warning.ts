/**
 * One look at OSM's MeshConfig at the start. No right is asked for it: where the account may read it (somebody who tries with a
 * kubeconfig, mostly), what is configured there and not done here is said; where it may not, nothing is.
 */
import { meshConfigProblems } from "../../policy/objects/mesh-config.ts";
import { ApiClient } from "../../api-server/client.ts";
import type { ApiCredentials } from "../../api-server/credentials.ts";
import { listOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";
import type { DiscoveryLog } from "../../api-server/watch/report.ts";
import { DEFAULT_TIMING } from "../../api-server/timing.ts";

const PATH = "/apis/config.openservicemesh.io/v1alpha2/meshconfigs";
const TIMEOUT_MS = 10_000;

/** Never rejects; ends within ten seconds. */
export async function warnOfMeshConfig(credentials: ApiCredentials, log: DiscoveryLog): Promise<void> {
  const client = new ApiClient({ credentials, timing: DEFAULT_TIMING });
  try {
    const list = (await client.json({ path: PATH, signal: AbortSignal.timeout(TIMEOUT_MS) })) as KubernetesObject;
    for (const object of listOf(list, "items") as readonly KubernetesObject[]) {
      const meshConfig = `${textOf(object["metadata"], "namespace")}/${textOf(object["metadata"], "name")}`;
      for (const { path, message, severity } of meshConfigProblems(object))
        log[severity === "error" ? "error" : "warn"](
          { meshConfig, path, problem: message },
          "MeshConfig asks for what Postern does not do",
        );
    }
  } catch {
    // Not there, not allowed, not reachable: discovery says what matters of that.
  } finally {
    await client.close().catch(() => undefined);
  }
}
