/** Chooses where the credentials come from: a kubeconfig when one is named, else the pod's service account. */
import type { ApiCredentials } from "./credentials.ts";
import { inClusterCredentials } from "./in-cluster.ts";

export interface CredentialSource {
  /** `--kubeconfig`, or what `KUBECONFIG` holds. */
  readonly kubeconfig?: string;
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are read when there is no kubeconfig. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly warn: (message: string) => void;
}

/** Rejects, with what to do about it, when neither can be used. */
export async function resolveCredentials(source: CredentialSource): Promise<ApiCredentials> {
  if (source.kubeconfig !== undefined && source.kubeconfig !== "") {
    // With it comes the official client, which a pod has no use for.
    const { kubeconfigCredentials } = await import("./kubeconfig.ts");
    return kubeconfigCredentials({ path: source.kubeconfig, warn: source.warn });
  }
  return inClusterCredentials({ env: source.env, monotonic: () => performance.now() });
}
