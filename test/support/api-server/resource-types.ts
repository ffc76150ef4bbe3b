/** The resources that the stand-in serves: those that Postern touches, and what kubectl asks for on the way. */

export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly hasStatus: boolean;
  /** Name of the CustomResourceDefinition without which the resource does not exist. */
  readonly definition?: string;
}

function type(
  groupVersion: string,
  plural: string,
  kind: string,
  options: Partial<Pick<ResourceType, "namespaced" | "hasStatus" | "definition">> = {},
): ResourceType {
  const [group = "", version = ""] = groupVersion.includes("/") ? groupVersion.split("/") : ["", groupVersion];
  return { group, version, plural, kind, namespaced: true, hasStatus: false, ...options };
}

export const OSM_DEFINITION = "ingressbackends.policy.openservicemesh.io";
export const FORK_DEFINITION = "ingressbackends.policy.flomesh.io";

export const RESOURCE_TYPES: readonly ResourceType[] = [
  type("v1", "services", "Service"),
  type("v1", "secrets", "Secret"),
  type("v1", "configmaps", "ConfigMap"),
  // After those whose paths begin with it.
  type("v1", "namespaces", "Namespace", { namespaced: false }),
  type("apps/v1", "deployments", "Deployment"),
  type("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
  type("certificates.k8s.io/v1beta1", "clustertrustbundles", "ClusterTrustBundle", { namespaced: false }),
  type("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
  type("coordination.k8s.io/v1", "leases", "Lease"),
  type("events.k8s.io/v1", "events", "Event"),
  type("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", { namespaced: false }),
  type("policy.openservicemesh.io/v1alpha1", "ingressbackends", "IngressBackend", {
    hasStatus: true,
    definition: OSM_DEFINITION,
  }),
  type("policy.flomesh.io/v1alpha1", "ingressbackends", "IngressBackend", {
    hasStatus: true,
    definition: FORK_DEFINITION,
  }),
];

export function groupVersion({ group, version }: ResourceType): string {
  return group === "" ? version : `${group}/${version}`;
}

/** `/api/v1` or `/apis/GROUP/VERSION`. */
export function pathPrefix({ group, version }: ResourceType): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

export function typeOfManifest(apiVersion: string, kind: string): ResourceType {
  const found = RESOURCE_TYPES.find((type) => groupVersion(type) === apiVersion && type.kind === kind);
  if (found === undefined) throw new RangeError(`the stand-in does not serve ${apiVersion} ${kind}`);
  return found;
}
