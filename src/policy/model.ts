/**
 * The world as the policy core sees it: plain readonly data, whatever brought it in (a directory or an API server).
 * Everything here is already parsed; nothing here was judged yet.
 */

/** `namespace/name` of a Kubernetes object. */
export type ObjectKey = `${string}/${string}`;

/** Names an object; namespaces and names never contain a slash, so the key is unambiguous. */
export function objectKey(namespace: string, name: string): ObjectKey {
  return `${namespace}/${name}`;
}

declare const backendPortBrand: unique symbol;

/**
 * The port that policies name: the target port of a Service. A brand, because a rule that is looked up by the port where the
 * sidecar listens, or by the application's, would be another backend's.
 */
export type BackendPort = number & { readonly [backendPortBrand]: true };

export function backendPort(number: number): BackendPort {
  return number as BackendPort;
}

/** One `spec.backends[]` entry. `protocol` is kept as written: an unknown one closes the backend at compile time. */
export interface BackendSpec {
  /** Kubernetes Service name, in the policy's own namespace. */
  readonly name: string;
  readonly port: {
    /** The target port: the one the pod listens on, not the Service's port. */
    readonly number: number;
    /** `http` or `https` in any case; anything else is invalid. */
    readonly protocol: string;
  };
  readonly tls?: {
    readonly skipClientCertValidation: boolean;
    readonly sniHosts?: readonly string[];
  };
}

/** One `spec.sources[]` entry, as written. */
export interface SourceSpec {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** One IngressBackend object that satisfies the schema (types and required fields), not necessarily the admission rules. */
export interface Policy {
  readonly name: string;
  readonly namespace: string;
  readonly uid?: string;
  /** Milliseconds since the epoch; `undefined` counts as newest. */
  readonly createdAt?: number;
  readonly generation?: number;
  readonly backends: readonly BackendSpec[];
  readonly sources: readonly SourceSpec[];
  /** True when `spec.matches` is not empty: accepted, ignored and reported. */
  readonly hasMatches: boolean;
  /** Until when its refusals by address or name are only counted; milliseconds since the epoch. */
  readonly auditUntil?: number;
  /** Its annotation says so, or cannot be read: an audit of the whole process does not reach it. */
  readonly alwaysEnforced?: true;
  /** What is wrong with the annotation that asks for audit, for people. */
  readonly enforcementProblem?: string;
}

/** An IngressBackend that violates the schema, or of which the present is not known: its backends, as far as they can be read, stay closed. */
export interface InvalidPolicy {
  readonly name: string;
  readonly namespace: string;
  readonly uid?: string;
  readonly createdAt?: number;
  readonly generation?: number;
  /** The backends that could still be read. They are claimed, and closed. */
  readonly backends: readonly { readonly name: string; readonly port: number }[];
  readonly problems: readonly Problem[];
}

export type Severity = "error" | "warning";

/** One finding about an object, for people. */
export interface Problem {
  readonly severity: Severity;
  /** JSON-path-like place inside the object, e.g. `spec.sources[0].name`; empty for the whole object. */
  readonly path: string;
  readonly message: string;
}

/** A Service, as far as it matters: which target ports it declares. */
export interface Service {
  readonly name: string;
  readonly namespace: string;
  /** Numeric target ports; a named target port is resolved through the EndpointSlices, so it is not listed here. */
  readonly targetPorts: readonly number[];
  /** `appProtocol` by numeric target port, when declared. */
  readonly appProtocols: ReadonlyMap<number, string>;
  /** True when a target port is a name: which number it stands for, the pods decide. */
  readonly hasNamedTargetPorts: boolean;
}

/** One address behind a Service and the pod that owns it. */
export interface Endpoint {
  /** Address text as the API gave it; folded by `parseAddress` at compile time. */
  readonly address: string;
  /** `targetRef.uid`, when the endpoint is a pod. */
  readonly uid?: string;
}

/** Live addresses of one Service: the union over its slices, or of its Endpoints object where there are no slices. */
export interface ServiceEndpoints {
  readonly endpoints: readonly Endpoint[];
  /** Endpoints that do not count yet: for explanations alone. */
  readonly notReady?: readonly Endpoint[];
  /** Set: why they are not known, for people; then `endpoints` is empty. */
  readonly unknown?: string;
}

export interface Namespace {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Set: why they are not known, for people; then `labels` is empty. */
  readonly unknown?: string;
}

/** Everything discovery knows at one moment. */
export interface World {
  readonly policies: readonly Policy[];
  readonly invalidPolicies: readonly InvalidPolicy[];
  readonly services: ReadonlyMap<ObjectKey, Service>;
  readonly endpoints: ReadonlyMap<ObjectKey, ServiceEndpoints>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  /** Services that exist or have endpoints, as far as the pod's namespace goes; absent: nobody can tell. */
  readonly knownServices?: ReadonlySet<ObjectKey>;
  /** Addresses that lately stood behind a source and do no more, by the Service; for explanations alone. */
  readonly departed?: ReadonlyMap<ObjectKey, ReadonlyMap<string, number>>;
}

/** Which pod this sidecar stands in. */
export interface Self {
  readonly namespace: string;
  /** Names of the Services that this pod backs. */
  readonly services: readonly string[];
  /** `metadata.name`, by which a StatefulSet's pod is named as a backend of its own (`foo-1.foo`). */
  readonly podName?: string;
  /** When set, source namespaces must carry `openservicemesh.io/monitored-by=<meshName>`. */
  readonly meshName?: string;
  /** Addresses and ranges of nodes: decide nothing, and explain refusals of what they mask. */
  readonly nodes?: readonly string[];
  /** The whole process is in audit until then; milliseconds since the epoch. */
  readonly auditUntil?: number;
}
