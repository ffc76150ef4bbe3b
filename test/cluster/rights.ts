/** What the sidecar's account may do at a real API server: what the shipped manifests give it, or one right less. */
import { isDeepStrictEqual } from "node:util";
import type { ManifestLike } from "../support/api-server/api-caller.ts";
import { shipped, type RealCluster } from "./real-cluster.ts";

/** One verb on one resource. */
export interface Right {
  readonly role: string;
  readonly verb: string;
  readonly resource: string;
  /** Empty for the core group. */
  readonly group: string;
}

export interface Grant {
  /** Taken out of its role. */
  readonly without?: Right;
  /** Slices of gateways: everywhere, or by a RoleBinding in the namespace `gateways` alone. */
  readonly sources: "everywhere" | "by-namespace";
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const ACCOUNT = {
  user: "system:serviceaccount:test:postern",
  groups: ["system:serviceaccounts", "system:serviceaccounts:test", "system:authenticated"],
};
const REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const WHERE: Readonly<Record<string, string>> = { postern: "test", "postern-sources": "gateways", "postern-mesh": "" };

/** `postern: watch endpointslices.discovery.k8s.io` */
export function nameOf({ role, verb, resource, group }: Right): string {
  return `${role}: ${verb} ${group === "" ? resource : `${resource}.${group}`}`;
}

/** Every verb on every resource in `config/kubernetes`. */
export function shippedRights(): readonly Right[] {
  return shippedRoles().flatMap((role) => rightsOf(role.metadata.name, role["rules"] as readonly Rule[]));
}

export function rightsOf(role: string, rules: readonly Rule[]): readonly Right[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => ({ role, verb, resource, group }))),
    ),
  );
}

/** Returns when the API server's authorizer has taken it in. */
export async function grant(cluster: RealCluster, { without, sources }: Grant): Promise<void> {
  const { api } = cluster;
  for (const role of shippedRoles()) await api.apply({ ...role, rules: rulesOf(role, without) });
  const everywhere = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/postern-sources:test:postern";
  const inOne = "/apis/rbac.authorization.k8s.io/v1/namespaces/gateways/rolebindings/postern-sources:test:postern";
  await api.apply(...shipped(`kubernetes/${sources === "everywhere" ? "bindings" : "sources-by-namespace"}.yaml`));
  await api.call("DELETE", sources === "everywhere" ? inOne : everywhere);
  for (const right of shippedRights())
    await settled(cluster, right, WHERE[right.role] ?? "", !isDeepStrictEqual(right, without));
  const elsewhere = { role: "", verb: "get", resource: "endpointslices", group: "discovery.k8s.io" };
  await settled(cluster, { ...elsewhere, verb: "list" }, "gateways2", sources === "everywhere" && !isSources(without));
}

function isSources(without: Right | undefined): boolean {
  return without?.role === "postern-sources" && without.verb === "list";
}

function shippedRoles(): readonly ManifestLike[] {
  return [...shipped("kubernetes/roles.yaml"), ...shipped("kubernetes/mesh.yaml")].filter(
    ({ kind }) => kind === "ClusterRole",
  );
}

function rulesOf(role: ManifestLike, without: Right | undefined): readonly Rule[] {
  return rightsOf(role.metadata.name, role["rules"] as readonly Rule[])
    .filter((right) => !isDeepStrictEqual(right, without))
    .map(({ verb, resource, group }) => ({ apiGroups: [group], resources: [resource], verbs: [verb] }));
}

async function settled({ api }: RealCluster, right: Right, namespace: string, expected: boolean): Promise<void> {
  const [resource, subresource] = right.resource.split("/");
  const resourceAttributes = { namespace, verb: right.verb, group: right.group, resource, subresource };
  for (let tries = 0; tries < 200; tries += 1) {
    const { status } = await api.ask("POST", REVIEWS, {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: { ...ACCOUNT, resourceAttributes },
    });
    if ((status as { readonly allowed?: boolean }).allowed === expected) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${nameOf(right)} in "${namespace}" did not become ${expected ? "allowed" : "forbidden"}`);
}
