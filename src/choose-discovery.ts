/** Where policy and endpoints come from, by the configuration. */
import type { Config } from "./config/config.ts";
import type { Discovery } from "./discovery/discovery.ts";
import type { Log } from "./telemetry/log.ts";

/** A quiet watch proves its age once a minute, by a bookmark. */
const LEAST_CLUSTER_MAX_STALE_MS = 120_000;

/**
 * Loads the source of policy that is configured and nothing of the other, of which each brings a package along.
 *
 * @param env where a pod finds its API server (`KUBERNETES_SERVICE_HOST`, `KUBERNETES_SERVICE_PORT`)
 * @throws ManifestsError and what the sources of policy reject
 */
export async function createDiscovery(
  config: Config,
  log: Log,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Discovery> {
  const { discovery, namespace, services, podIps, podName, meshName, maxStaleMs } = config;
  const self = { namespace, log, podIps, ...(services !== undefined && { services }) };
  if (discovery.kind === "manifests") {
    const { ManifestsDiscovery } = await import("./discovery/manifests/manifests-discovery.ts");
    return new ManifestsDiscovery({ ...self, directory: discovery.directory });
  }
  if (maxStaleMs !== undefined && maxStaleMs < LEAST_CLUSTER_MAX_STALE_MS)
    log.warn(
      { maxStaleMs },
      "max-stale is shorter than the API server's own silence between bookmarks: everybody will be refused now and then; use 2m or more",
    );
  const { resolveCredentials } = await import("./api-server/api-credentials.ts");
  const { createKubernetesDiscovery } = await import("./discovery/kubernetes/kubernetes-discovery.ts");
  const { warnOfMeshConfig } = await import("./discovery/kubernetes/mesh-config-warning.ts");
  const credentials = await resolveCredentials({
    ...(discovery.kubeconfig !== undefined && { kubeconfig: discovery.kubeconfig }),
    env,
    warn: (message) => log.warn({}, message),
  });
  log.info(
    { server: credentials.server.href, origin: credentials.origin },
    "policy comes from a Kubernetes API server",
  );
  void warnOfMeshConfig(credentials, log);
  return createKubernetesDiscovery({
    ...self,
    credentials,
    ...(podName !== undefined && { podName }),
    ...(meshName !== undefined && { meshName }),
  });
}
