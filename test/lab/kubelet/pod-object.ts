/** A Pod as the API server admitted it: the members that a kubelet goes by. */
import type { ApiObject } from "../../support/api-server/api-caller.ts";

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

export interface Action {
  readonly httpGet?: { readonly path?: string; readonly port: number | string; readonly scheme?: string };
  readonly tcpSocket?: { readonly port: number | string };
  readonly exec?: { readonly command: readonly string[] };
  readonly sleep?: { readonly seconds: number };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly restartPolicy?: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly readinessProbe?: Action;
  readonly lifecycle?: { readonly preStop?: Action };
  readonly securityContext?: SecurityContext;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
}

export interface KeyToPath {
  readonly key: string;
  readonly path: string;
}

export interface Source {
  readonly configMap?: { readonly name: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean };
  readonly secret?: {
    readonly name?: string;
    readonly secretName?: string;
    readonly items?: readonly KeyToPath[];
    readonly optional?: boolean;
  };
  readonly serviceAccountToken?: { readonly path: string; readonly expirationSeconds?: number };
  readonly downwardAPI?: {
    readonly items: readonly { readonly path: string; readonly fieldRef: { readonly fieldPath: string } }[];
  };
}

export interface Volume extends Source {
  readonly name: string;
  readonly emptyDir?: object;
  readonly projected?: { readonly sources: readonly Source[] };
}

export interface PodObject {
  readonly metadata: ApiObject["metadata"] & {
    readonly namespace: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly serviceAccountName?: string;
    readonly restartPolicy?: string;
    readonly terminationGracePeriodSeconds?: number;
    readonly securityContext?: SecurityContext;
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes?: readonly Volume[];
  };
  readonly status?: { readonly phase?: string };
}

/** Where the pod is. */
export interface PodAddresses {
  readonly ipv4: string;
  readonly ipv6: string;
  readonly node: string;
}

/** The downward API. @throws for a field that is not known here */
export function fieldOf({ metadata, spec }: PodObject, addresses: PodAddresses, path: string): string {
  const fields: Readonly<Record<string, string>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
    "metadata.uid": metadata.uid,
    "spec.serviceAccountName": spec.serviceAccountName ?? "default",
    "spec.nodeName": spec.nodeName ?? "",
    "status.podIP": addresses.ipv4,
    "status.podIPs": `${addresses.ipv4},${addresses.ipv6}`,
    "status.hostIP": addresses.node,
  };
  const value = fields[path];
  if (value === undefined) throw new Error(`the stand-in for the kubelet does not know the field ${path}`);
  return value;
}

/** A container's variables in their order; `$(NAME)` stands for one before. */
export function environmentOf(
  container: Container,
  pod: PodObject,
  addresses: PodAddresses,
): Readonly<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? [])
    env[name] =
      valueFrom?.fieldRef === undefined
        ? expanded(value ?? "", env)
        : fieldOf(pod, addresses, valueFrom.fieldRef.fieldPath);
  return env;
}

/** As Kubernetes expands arguments and values: what is not known stays, and a doubled sign stands for one. */
export function expanded(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (all, name: string | undefined) =>
    name === undefined ? "$" : (env[name] ?? all),
  );
}

export function portOf(container: Container, port: number | string): number {
  if (typeof port === "number") return port;
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
}
