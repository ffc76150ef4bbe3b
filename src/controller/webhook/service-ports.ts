/** Target ports of the Services that select a pod: what callers reach, whether the pod declares it or not. */
import type { ApiClient } from "../../discovery/kubernetes/client.ts";
import { listAll } from "../../discovery/kubernetes/list.ts";
import { isRecord, listOf, textOf, type KubernetesObject } from "../../discovery/kubernetes/objects.ts";

/** Numbers, or names of ports of the pod. Rejects with an ApiFailure. */
export async function servicePortsOf(
  client: ApiClient,
  namespace: string,
  labels: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<readonly (number | string)[]> {
  const ports = new Set<number | string>();
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services`;
  await listAll(client, { path, selector: {}, signal }, (service) => {
    if (selects(service, labels)) for (const port of targetPortsOf(service)) ports.add(port);
  });
  return [...ports];
}

/** A Service without a selector selects nothing. */
export function selects(service: KubernetesObject, labels: Readonly<Record<string, unknown>>): boolean {
  const { spec } = service;
  const selector = isRecord(spec) && isRecord(spec["selector"]) ? Object.entries(spec["selector"]) : [];
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
}

export function targetPortsOf(service: KubernetesObject): readonly (number | string)[] {
  return listOf(service["spec"], "ports").flatMap((port) => {
    if (!isRecord(port) || (textOf(port, "protocol") ?? "TCP") !== "TCP") return [];
    const target = port["targetPort"] ?? port["port"];
    return typeof target === "number" || typeof target === "string" ? [target] : [];
  });
}
