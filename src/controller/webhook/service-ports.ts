/** Target ports of the Services that select a pod: what callers reach, whether the pod declares it or not. */
import type { ApiClient } from "../../api-server/client.ts";
import { listAll } from "../../api-server/list.ts";
import type { PodManifest } from "../../inject/injection.ts";
import { selects, targetPorts } from "../../inject/services.ts";

/**
 * Numbers, or names of ports of the pod. Rejects with an ApiFailure.
 * @param namespace of the pod; its own metadata need not name it yet
 */
export async function servicePortsOf(
  client: ApiClient,
  namespace: string,
  pod: PodManifest,
  signal: AbortSignal,
): Promise<readonly (number | string)[]> {
  const ports = new Set<number | string>();
  const owner = { metadata: { namespace } };
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services`;
  await listAll(client, { path, selector: {}, signal }, (service) => {
    if (selects(service, owner, pod)) for (const port of targetPorts(service)) ports.add(port);
  });
  return [...ports];
}
