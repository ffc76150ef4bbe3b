/** Where our certificate and trust come from, by the configuration. */
import type { Config, TlsSource } from "./config/config.ts";
import type { Log } from "./telemetry/log.ts";
import type { CredentialsSource } from "./tls/credentials/credentials-source.ts";
import { credentialFiles } from "./tls/credentials/credentials-watch.ts";

/**
 * The clients of the Workload API and of the mesh's controller are loaded only where they are wanted.
 * @param env where a pod finds its API server
 */
export async function chooseCredentials(
  { discovery, podName }: Config,
  tls: TlsSource,
  log: Log,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CredentialsSource> {
  switch (tls.kind) {
    case "files":
      return credentialFiles(tls.files);
    case "workload-api": {
      const { workloadApi } = await import("./tls/spiffe/workload-source.ts");
      log.info({ socket: tls.socket }, "certificate and trust come from a SPIFFE Workload API");
      return workloadApi(tls.socket);
    }
    case "csr": {
      const { requestedCredentials } = await import("./certificate-request/requested-credentials.ts");
      const { resolveCredentials } = await import("./api-server/api-credentials.ts");
      const kubeconfig = discovery.kind === "kubernetes" ? discovery.kubeconfig : undefined;
      // Whoever names a kubeconfig was warned of it as a source of policy.
      const api = await resolveCredentials({ ...(kubeconfig !== undefined && { kubeconfig }), env, warn: () => {} });
      log.info({ ...tls.asked, server: api.server.href }, "certificate is asked of the mesh's controller");
      return requestedCredentials({ asked: tls.asked, podName: podName ?? "sidecar", api });
    }
  }
}
