/** Kubernetes objects as the rows of the tables write them: short to write, and exactly what a file or an API server would hold. */

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
  };
  readonly spec?: unknown;
  readonly addressType?: string;
  readonly endpoints?: unknown;
  readonly subsets?: unknown;
  readonly ports?: unknown;
}

/** `namespace/name`. */
export type Path = `${string}/${string}`;

function split(path: Path): { name: string; namespace: string } {
  const [namespace = "", name = ""] = path.split("/");
  return { name, namespace };
}

/** One `spec.backends[]` entry; fields are left as given, wrong ones included. */
export function backend(name: string, number: unknown, protocol: unknown, tls?: unknown): object {
  return { name, port: { number, protocol }, ...(tls === undefined ? {} : { tls }) };
}

export const http: object = backend("foo", 80, "http");
export const mutual: object = backend("foo", 80, "https", { skipClientCertValidation: false });
export const serverOnly: object = backend("foo", 80, "https", { skipClientCertValidation: true });

export function withSni(...sniHosts: string[]): object {
  return backend("foo", 80, "https", { skipClientCertValidation: false, sniHosts });
}

export function service(path: Path): object {
  return { kind: "Service", ...split(path) };
}

export function range(name: string): object {
  return { kind: "IPRange", name };
}

export function principal(name: string): object {
  return { kind: "AuthenticatedPrincipal", name };
}

/** An IngressBackend with a spec of any shape; `test/ib` unless named. */
export function policyOf(spec: unknown, path: Path = "test/ib", creationTimestamp?: string): Manifest {
  return {
    apiVersion: "policy.openservicemesh.io/v1alpha1",
    kind: "IngressBackend",
    metadata: { ...split(path), ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
    spec,
  };
}

export function policy(
  backends: readonly object[],
  sources: readonly object[],
  path?: Path,
  created?: string,
): Manifest {
  return policyOf({ backends, sources }, path, created);
}

let slices = 0;

/** One EndpointSlice of a Service; several of one Service get names of their own. An entry is an address, or one with conditions. */
export function slice(path: Path, ...entries: readonly (string | readonly [string, unknown])[]): Manifest {
  const { name, namespace } = split(path);
  const first = typeof entries[0] === "string" ? entries[0] : (entries[0]?.[0] ?? "");
  slices += 1;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-${slices}`, namespace, labels: { "kubernetes.io/service-name": name } },
    addressType: first.includes(":") ? "IPv6" : "IPv4",
    endpoints: entries.map((entry) =>
      typeof entry === "string"
        ? { addresses: [entry], conditions: { ready: true } }
        : { addresses: [entry[0]], conditions: entry[1] },
    ),
    ports: [{ name: "a", port: 80 }],
  };
}

/** The older Endpoints object of a Service, with ready and not ready addresses. */
export function endpoints(path: Path, ready: readonly string[], notReady: readonly string[] = []): Manifest {
  const listed = (addresses: readonly string[]): object[] => addresses.map((ip) => ({ ip }));
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: split(path),
    subsets: [{ addresses: listed(ready), notReadyAddresses: listed(notReady), ports: [{ port: 80 }, { port: 443 }] }],
  };
}

export function serviceObject(path: Path, port: number, targetPort: number | string = port): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: split(path),
    spec: { ports: [{ name: `p${port}`, port, targetPort }] },
  };
}

export function namespaceObject(name: string, labels: Readonly<Record<string, string>> = {}): Manifest {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}
