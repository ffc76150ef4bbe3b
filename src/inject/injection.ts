/** What goes into an injection and what comes out: the words that `inject`, `uninject` and a mutating webhook share. */

import { VERSION } from "../telemetry/version.ts";

/** A mapping of a manifest, as YAML or JSON gives it. */
export type Fields = Readonly<Record<string, unknown>>;

/** A Pod, or a pod template: `metadata` and `spec` as they stand. Other keys are kept. */
export interface PodManifest extends Fields {
  readonly metadata?: Fields;
  readonly spec: Fields;
}

/** How connections come to the sidecar. */
export type Traffic = "redirect" | "target-port";

/** Where the sidecar's own certificate comes from. */
export type CertificateSource =
  | { readonly kind: "none" }
  /** A kubernetes.io/tls Secret of the pod's namespace with `tls.crt`, `tls.key` and `ca.crt`. */
  | { readonly kind: "secret"; readonly name: string }
  /** Asked of the mesh's controller by the CertificateSigningRequest API. */
  | {
      readonly kind: "csr";
      /** E.g. `postern.dev/osm`. */
      readonly signerName: string;
      readonly trustDomain: string;
      /** ConfigMap of the pod's namespace with the mesh's CA bundle as `ca.crt`. */
      readonly bundle: string;
    }
  /** Asked of cert-manager by its csi-driver, which mounts it. */
  | {
      readonly kind: "cert-manager";
      readonly issuer: { readonly kind: "Issuer" | "ClusterIssuer"; readonly name: string };
      readonly trustDomain: string;
    }
  /** Asked of a SPIFFE Workload API, whose socket a CSI driver mounts. */
  | { readonly kind: "spiffe"; readonly csiDriver: string; readonly socket: string };

/** Quantities as Kubernetes writes them, by the name of the resource. */
export type Quantities = Readonly<Record<string, string>>;

export interface InjectOptions {
  /** Image of the sidecar. */
  readonly image: string;
  /** Image of the init container that applies redirect rules; it has nft. */
  readonly redirectImage: string;
  /** Where no annotation of the pod chooses. */
  readonly traffic: Traffic;
  /** `native`: an init container with `restartPolicy: Always`; `classic`: an ordinary container. */
  readonly sidecar: "native" | "classic";
  readonly certificate: CertificateSource;
  /** `--mesh-name` of the sidecar; absent: none. */
  readonly meshName?: string;
  readonly requests: Quantities;
  readonly limits: Quantities;
  /** How long the application's end is put off, so that no request is on its way to it any more; zero: not at all. */
  readonly preStopSeconds: number;
  /** What happens to a pod that says nothing itself: for a webhook, what its namespace says. */
  readonly injectByDefault: boolean;
  /** A pod that has a sidecar of ours: `keep` leaves it as it is, `replace` makes it anew by these options. */
  readonly injected: "keep" | "replace";
  /** More ports to guard: target ports of Services that select the pod. Names are looked up in the pod. */
  readonly targetPorts: readonly (number | string)[];
}

export const DEFAULT_OPTIONS: InjectOptions = {
  image: `postern:${VERSION}`,
  redirectImage: `postern-redirect:${VERSION}`,
  traffic: "redirect",
  sidecar: "native",
  certificate: { kind: "none" },
  requests: { cpu: "50m", memory: "128Mi" },
  limits: { cpu: "1", memory: "512Mi" },
  preStopSeconds: 10,
  injectByDefault: true,
  injected: "keep",
  targetPorts: [],
};

export type UnchangedReason =
  /** An annotation or label of the pod says no. */
  | "disabled"
  /** Nothing says yes. */
  | "not-selected"
  | "already-injected"
  /** A pod that runs to its end and offers no port: there is nothing to guard. */
  | "no-ports";

/** One guarded port, as `--backend` of the sidecar has it. */
export interface GuardedPort {
  /** The application's target port, which IngressBackends name. */
  readonly port: number;
  /** Where the sidecar listens; with `target-port`, where the Service has to point. */
  readonly listen: number;
}

export type Injection =
  | {
      readonly kind: "injected";
      readonly pod: PodManifest;
      readonly traffic: Traffic;
      readonly ports: readonly GuardedPort[];
      /** What to know although nothing forbids it, each a sentence. */
      readonly notes: readonly string[];
    }
  | { readonly kind: "unchanged"; readonly reason: UnchangedReason; readonly message: string }
  | {
      readonly kind: "refused";
      /** Path of the field from the pod on, e.g. `spec.hostNetwork`. */
      readonly field: string;
      readonly problem: string;
      /** What to change. */
      readonly mend: string;
    };
