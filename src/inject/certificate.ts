/** What each source of the sidecar's certificate needs in a pod. Pure. */
import type { CertificateSource, Fields } from "./injection.ts";

export interface CertificateParts {
  readonly args: readonly string[];
  readonly env: readonly Fields[];
  readonly mounts: readonly Fields[];
  readonly volumes: readonly Fields[];
}

const NOTHING: CertificateParts = { args: [], env: [], mounts: [], volumes: [] };
const TLS = "/etc/postern/tls";
const BUNDLE = "/etc/postern/bundle";
const WORKLOAD_API = "/run/spiffe";

/** What may be missing is optional: without it the sidecar stays closed, and the application starts all the same. */
export function certificateParts(source: CertificateSource): CertificateParts {
  switch (source.kind) {
    case "none":
      return NOTHING;
    case "secret":
      return {
        ...NOTHING,
        args: [`--tls-cert=${TLS}/tls.crt`, `--tls-key=${TLS}/tls.key`, `--tls-ca=${TLS}/ca.crt`],
        mounts: [{ name: "postern-tls", mountPath: TLS, readOnly: true }],
        volumes: [{ name: "postern-tls", secret: { secretName: source.name, optional: true } }],
      };
    case "csr":
      return {
        ...NOTHING,
        args: [
          `--csr-signer=${source.signerName}`,
          `--trust-domain=${source.trustDomain}`,
          `--tls-ca=${BUNDLE}/ca.crt`,
        ],
        mounts: [{ name: "postern-bundle", mountPath: BUNDLE, readOnly: true }],
        volumes: [{ name: "postern-bundle", configMap: { name: source.bundle, optional: true } }],
      };
    case "spiffe":
      return {
        ...NOTHING,
        args: [`--spiffe-endpoint=unix://${WORKLOAD_API}/${source.socket}`],
        mounts: [{ name: "postern-spiffe", mountPath: WORKLOAD_API, readOnly: true }],
        volumes: [{ name: "postern-spiffe", csi: { driver: source.csiDriver, readOnly: true } }],
      };
  }
}
