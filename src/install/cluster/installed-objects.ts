/** What of a mesh is in a cluster: what `install` made, by its label, and what the controller made, by its names. */
import { BUNDLE_NAME, meshNames } from "../../controller/names.ts";
import { isOurs } from "../../controller/objects/owned-objects.ts";
import { INSTALLED_LABEL } from "../names.ts";
import { named, type ApiObjects, type ObjectName } from "./api-objects.ts";
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

export async function installedObjects(objects: ApiObjects, mesh: string): Promise<readonly ObjectName[]> {
  const labelSelector = `${INSTALLED_LABEL}=${mesh}`;
  const found = await Promise.all(KINDS.map(([apiVersion, kind]) => objects.list(apiVersion, kind, { labelSelector })));
  return found.flat().map(named);
}

/** @param gateways where the gateways' Secrets are kept */
export async function controllersObjects(
  objects: ApiObjects,
  mesh: { readonly name: string; readonly namespace: string },
  { namespaces }: Survey,
): Promise<readonly ObjectName[]> {
  const { authoritySecret, webhookSecret, trustBundle, sidecarRole, controller } = meshNames(mesh.name);
  const own = namespaces.filter((one) => one.mesh === mesh.name).map(({ name }) => name);
  const secrets = (
    await objects.list("v1", "Secret", { labelSelector: "app.kubernetes.io/managed-by=postern-controller" })
  )
    .map(named)
    .filter(({ metadata }) => metadata.namespace === mesh.namespace);
  const candidates: readonly ObjectName[] = [
    ...own.flatMap((namespace) => [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: BUNDLE_NAME, namespace } },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: { name: sidecarRole, namespace } },
    ]),
    ...[authoritySecret, webhookSecret, BUNDLE_NAME].map((name) => secretOf(mesh.namespace, name)),
    ...secrets,
    { apiVersion: "certificates.k8s.io/v1beta1", kind: "ClusterTrustBundle", metadata: { name: trustBundle } },
    { apiVersion: "certificates.k8s.io/v1", kind: "ClusterTrustBundle", metadata: { name: trustBundle } },
  ];
  const unique = [
    ...new Map(
      candidates.map((one) => [JSON.stringify([one.kind, one.metadata.namespace, one.metadata.name]), one]),
    ).values(),
  ];
  const there = await Promise.all(
    unique.map(async (name) => {
      const object = await objects.read(name);
      return object !== undefined && isOurs(object) ? [name] : [];
    }),
  );
  const lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: controller, namespace: mesh.namespace },
  };
  return [...there.flat(), ...((await objects.read(lease)) === undefined ? [] : [lease])];
}

function secretOf(namespace: string, name: string): ObjectName {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace } };
}
