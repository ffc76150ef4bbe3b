/** The IngressBackends of a namespace as they are at the moment of an admission: a copy that lags would miss a conflict. */
import type { ApiClient } from "../../api-server/client.ts";
import { ApiFailure } from "../../api-server/failure.ts";
import { listAll } from "../../api-server/list.ts";
import type { Policy } from "../../policy/model.ts";
import { INGRESS_BACKEND_VERSIONS, parseIngressBackend } from "../../policy/objects/parse.ts";

/** Rejects with an ApiFailure. */
export async function policiesOfNamespace(
  client: ApiClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Policy[]> {
  const lists = await Promise.all(
    INGRESS_BACKEND_VERSIONS.map((version) => policiesOfVersion(client, version, namespace, signal)),
  );
  return lists.flat();
}

async function policiesOfVersion(
  client: ApiClient,
  version: string,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Policy[]> {
  const policies: Policy[] = [];
  const path = `/apis/${version}/namespaces/${encodeURIComponent(namespace)}/ingressbackends`;
  try {
    await listAll(client, { path, selector: {}, signal }, (object) => {
      const { policy } = parseIngressBackend(object);
      if (policy !== undefined) policies.push(policy);
    });
  } catch (error) {
    // That group is not installed.
    if (!(error instanceof ApiFailure) || error.kind !== "absent") throw error;
  }
  return policies;
}
