/** The containers that injection adds. Pure. */
import { certificateParts } from "./certificate.ts";
import type { Fields, GuardedPort, InjectOptions } from "./injection.ts";
import { ADMIN_PORT, HEALTH_PORT } from "./ports.ts";
import type { ProbeTable } from "./probes.ts";

export const SIDECAR = "postern";
export const REDIRECT = "postern-redirect";
const TOKEN = "postern-token";
/** OSM's own proxy uid, and the image's. */
const USER = 1_500;

/** Seconds from SIGTERM to the end of a native sidecar: its application has ended before, so nothing is waited for. */
export const NATIVE_END_SECONDS = 15;
/** The same of a classic one: drain delay (5 s), drain deadline (25 s) and the end of the process (8 s at most). */
export const CLASSIC_END_SECONDS = 40;

const fromPod = (name: string, fieldPath: string): Fields => ({ name, valueFrom: { fieldRef: { fieldPath } } });

const LOCKED_DOWN: Fields = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  seccompProfile: { type: "RuntimeDefault" },
};

export interface SidecarNeeds {
  readonly ports: readonly GuardedPort[];
  /** Names of container ports that Services know, with the number they have in the sidecar. */
  readonly namedPorts: readonly { readonly name: string; readonly listen: number }[];
  readonly probes: ProbeTable;
  readonly options: InjectOptions;
}

export function sidecarContainer({ ports, namedPorts, probes, options }: SidecarNeeds): Fields {
  const { image, sidecar, meshName, certificate, requests, limits } = options;
  const parts = certificateParts(certificate, USER);
  const native = sidecar === "native";
  return {
    name: SIDECAR,
    image,
    ...(native && { restartPolicy: "Always" }),
    args: [
      "run",
      "--kubernetes",
      ...ports.map(backendFlag),
      `--health=[::]:${HEALTH_PORT}`,
      ...(meshName === undefined ? [] : [`--mesh-name=${meshName}`]),
      ...parts.args,
      // A native sidecar is asked to end when the application has ended, and endpoints have been gone since the preStop.
      ...(native ? ["--drain-delay=0", "--drain-deadline=5s"] : []),
    ],
    env: [
      fromPod("POD_NAME", "metadata.name"),
      fromPod("POD_NAMESPACE", "metadata.namespace"),
      fromPod("POD_UID", "metadata.uid"),
      fromPod("POD_IP", "status.podIP"),
      fromPod("POD_IPS", "status.podIPs"),
      fromPod("NODE_IP", "status.hostIP"),
      fromPod("SERVICE_ACCOUNT", "spec.serviceAccountName"),
      ...(Object.keys(probes).length === 0
        ? []
        : [{ name: "POSTERN_PROBES", value: unexpanded(JSON.stringify(probes)) }]),
      ...parts.env,
    ],
    ports: [
      ...namedPorts.map(({ name, listen }) => ({ name, containerPort: listen })),
      { name: "postern-health", containerPort: HEALTH_PORT },
    ],
    readinessProbe: { httpGet: { path: "/readyz", port: HEALTH_PORT } },
    livenessProbe: { httpGet: { path: "/livez", port: HEALTH_PORT } },
    resources: { requests, limits },
    securityContext: {
      ...LOCKED_DOWN,
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: TOKEN, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
      ...parts.mounts,
    ],
  };
}

/** Needs root and these two capabilities, and ends before the application starts. */
export function redirectContainer(ports: readonly GuardedPort[], { redirectImage }: InjectOptions): Fields {
  return {
    name: REDIRECT,
    image: redirectImage,
    args: ["redirect", "--apply", ...ports.map(backendFlag), `--exclude-port=${HEALTH_PORT}`],
    env: [fromPod("POD_IP", "status.podIP"), fromPod("NODE_IP", "status.hostIP")],
    resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { cpu: "1", memory: "128Mi" } },
    securityContext: {
      ...LOCKED_DOWN,
      runAsNonRoot: false,
      runAsUser: 0,
      runAsGroup: 0,
      capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] },
    },
  };
}

/**
 * Volumes of the sidecar. Its token is its own: a pod or service account may say `automountServiceAccountToken: false`,
 * and the application must not get a token by this.
 */
export function sidecarVolumes({ certificate }: InjectOptions): readonly Fields[] {
  return [
    {
      name: TOKEN,
      projected: {
        sources: [
          { serviceAccountToken: { path: "token", expirationSeconds: 3_607 } },
          { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
          { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
        ],
      },
    },
    ...certificateParts(certificate, USER).volumes,
  ];
}

/** Ports that the sidecar takes in the pod, beside its listeners. */
export const OWN_PORTS: readonly number[] = [ADMIN_PORT, HEALTH_PORT];

/** Kubernetes expands `$(NAME)` in the values of variables; a doubled sign stands for one. */
function unexpanded(text: string): string {
  return text.replaceAll("$", () => "$$");
}

function backendFlag({ port, listen }: GuardedPort): string {
  return `--backend=port=${port},listen=[::]:${listen}`;
}
