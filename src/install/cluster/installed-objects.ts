/** What of a mesh is in a cluster: what `install` made, by its label, and what the controller made. */
import { BUNDLE_NAME, KEPT_LABEL, meshNames, TRUST_BUNDLE_VERSIONS } from "../../controller/names.ts";
import { isOurs } from "../../controller/objects/owned-objects.ts";
import { INSTALLED_LABEL } from "../names.ts";
import { named, type ApiObjects, type ObjectName } from "./api-objects.ts";
import { isOfMesh, keptSecrets, type MeshPlace, OWNED } from "./kept-secrets.ts";
import type { Survey } from "./survey.ts";

/**
 * Every kind that `install` makes, in the order in which it goes: first what holds up pods, last what gives rights. No
 * definitions: with them would go every object of everybody.
 */
const KINDS = [
  ["admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"],
  ["admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"],
  ["projectcontour.io/v1", "TLSCertificateDelegation"],
  ["apps/v1", "Deployment"],
  ["apps/v1", "DaemonSet"],
  ["batch/v1", "Job"],
  ["policy/v1", "PodDisruptionBudget"],
  ["v1", "Service"],
  ["v1", "ConfigMap"],
  ["rbac.authorization.k8s.io/v1", "RoleBinding"],
  ["rbac.authorization.k8s.io/v1", "ClusterRoleBinding"],
  ["rbac.authorization.k8s.io/v1", "Role"],
  ["rbac.authorization.k8s.io/v1", "ClusterRole"],
  ["v1", "ServiceAccount"],
] as const;

/** What the controller makes in namespaces other than the mesh's own, besides Secrets. */
const KEPT_KINDS = [
  ["v1", "ConfigMap"],
  ["rbac.authorization.k8s.io/v1", "RoleBinding"],
] as const;

export async function installedObjects(objects: ApiObjects, mesh: string): Promise<readonly ObjectName[]> {
  const labelSelector = `${INSTALLED_LABEL}=${mesh}`;
  const found = await Promise.all(KINDS.map(([apiVersion, kind]) => objects.list(apiVersion, kind, { labelSelector })));
  return found.flat().map(named);
}

/** What the controller has made, and says by its name, its label or its namespace that it is of this mesh. */
export async function controllersObjects(
  objects: ApiObjects,
  mesh: MeshPlace,
  { namespaces }: Survey,
): Promise<readonly ObjectName[]> {
  const { authoritySecret, webhookSecret, trustBundle, sidecarRole, controller } = meshNames(mesh.name);
  const own = namespaces.filter((one) => one.mesh === mesh.name).map(({ name }) => name);
  const kept = await Promise.all(
    KEPT_KINDS.map(([apiVersion, kind]) =>
      objects.list(apiVersion, kind, { labelSelector: `${OWNED},${KEPT_LABEL}=${mesh.name}` }),
    ),
  );
  const candidates: readonly ObjectName[] = [
    ...own.flatMap((namespace) => [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: BUNDLE_NAME, namespace } },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: { name: sidecarRole, namespace } },
    ]),
    ...[authoritySecret, webhookSecret, BUNDLE_NAME].map((name) => secretOf(mesh.namespace, name)),
    ...kept.flat().map(named),
    ...(await keptSecrets(objects, mesh)).map(named),
    ...TRUST_BUNDLE_VERSIONS.map((version) => ({
      apiVersion: `certificates.k8s.io/${version}`,
      kind: "ClusterTrustBundle",
      metadata: { name: trustBundle },
    })),
  ];
  const there = await Promise.all(
    candidates.map(async (name) => {
      const object = await objects.read(name);
      return object !== undefined && isOurs(object) && isOfMesh(object, mesh.name) ? [name] : [];
    }),
  );
  // One object for each name, by whichever of its API's versions the cluster serves.
  const unique = new Map(
    there.flat().map((one) => [JSON.stringify([one.kind, one.metadata.namespace, one.metadata.name]), one]),
  );
  const lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: controller, namespace: mesh.namespace },
  };
  return [...unique.values(), ...((await objects.read(lease)) === undefined ? [] : [lease])];
}

function secretOf(namespace: string, name: string): ObjectName {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace } };
}
