/** What each source of the sidecar's certificate needs in a pod. Pure. */
import type { CertificateSource, Fields } from "./injection.ts";

export interface CertificateParts {
  readonly args: readonly string[];
  readonly env: readonly Fields[];
  readonly mounts: readonly Fields[];
  readonly volumes: readonly Fields[];
}

const TLS = "/etc/postern/tls";
/** `tls.crt`, `tls.key` and `ca.crt` of one directory. */
const FILES: Pick<CertificateParts, "args" | "env" | "mounts"> = {
  args: [`--tls-cert=${TLS}/tls.crt`, `--tls-key=${TLS}/tls.key`, `--tls-ca=${TLS}/ca.crt`],
  env: [],
  mounts: [{ name: "postern-tls", mountPath: TLS, readOnly: true }],
};
const NOTHING: CertificateParts = { args: [], env: [], mounts: [], volumes: [] };
const BUNDLE = "/etc/postern/bundle";
/** Of cert-manager's csi-driver, and the prefix of its attributes. */
const CSI_DRIVER = "csi.cert-manager.io";
const WORKLOAD_API = "/run/spiffe";

/**
 * What may be missing is optional: without it the sidecar stays closed, and the application starts all the same. A volume of
 * a CSI driver cannot be: the pod waits for it.
 *
 * @param user who reads the files
 */
export function certificateParts(source: CertificateSource, user: number): CertificateParts {
  switch (source.kind) {
    case "none":
      return NOTHING;
    case "secret":
      return { ...FILES, volumes: [{ name: "postern-tls", secret: { secretName: source.name, optional: true } }] };
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
    case "cert-manager":
      return { ...FILES, volumes: [{ name: "postern-tls", csi: mountedByCertManager(source, user) }] };
    case "spiffe":
      return {
        ...NOTHING,
        args: [`--spiffe-endpoint=unix://${WORKLOAD_API}/${source.socket}`],
        mounts: [{ name: "postern-spiffe", mountPath: WORKLOAD_API, readOnly: true }],
        volumes: [{ name: "postern-spiffe", csi: { driver: source.csiDriver, readOnly: true } }],
      };
  }
}

/** The driver puts the pod's own names in place of the variables; without usages it asks for neither server nor client. */
function mountedByCertManager(
  { issuer, trustDomain }: CertificateSource & { readonly kind: "cert-manager" },
  user: number,
): Fields {
  return {
    driver: CSI_DRIVER,
    readOnly: true,
    volumeAttributes: {
      [`${CSI_DRIVER}/issuer-kind`]: issuer.kind,
      [`${CSI_DRIVER}/issuer-name`]: issuer.name,
      [`${CSI_DRIVER}/dns-names`]: `\${SERVICE_ACCOUNT_NAME}.\${POD_NAMESPACE}.${trustDomain}`,
      [`${CSI_DRIVER}/key-usages`]: "digital signature,server auth,client auth",
      [`${CSI_DRIVER}/duration`]: "24h",
      [`${CSI_DRIVER}/fs-group`]: String(user),
    },
  };
}
