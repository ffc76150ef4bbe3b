/** What the controller and the sidecars of a mesh may do at the API server, and nothing else. Pure. */
import { BUNDLE_NAME, MESH_CONFIG_NAME, meshNames, type Mesh } from "../names.ts";
import { labelsOf } from "./labels.ts";
import type { Manifest } from "./manifest.ts";

export interface RoleOptions {
  readonly mesh: Mesh;
  /** Secrets that gateways' certificates are kept in. */
  readonly gatewaySecrets: readonly { readonly namespace: string; readonly secret: string }[];
  /** Secret of a CA that somebody else keeps. */
  readonly givenAuthority?: string;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const RBAC = "rbac.authorization.k8s.io";

function rule(group: string, resource: string, verbs: readonly string[], names?: readonly string[]): Rule {
  return { apiGroups: [group], resources: [resource], verbs, ...(names !== undefined && { resourceNames: names }) };
}

/** In the whole cluster. Objects are named wherever the API lets a rule name them: `create` it does not. */
function clusterRules({ name }: Mesh): readonly Rule[] {
  const names = meshNames(name);
  return [
    // Which namespaces belong to the mesh.
    rule("", "namespaces", ["list", "watch"]),
    // The bundle in each of them.
    rule("", "configmaps", ["create"]),
    rule("", "configmaps", ["list", "watch", "update"], [BUNDLE_NAME]),
    // The role of the sidecars, bound in each of them. Nothing but these two roles can be bound.
    rule(RBAC, "rolebindings", ["create"]),
    rule(RBAC, "rolebindings", ["list", "watch", "update"], [names.sidecarRole]),
    rule(RBAC, "clusterrolebindings", ["get", "update"], [names.sidecarClusterRole]),
    rule(RBAC, "clusterroles", ["bind"], [names.sidecarRole, names.sidecarClusterRole]),
    // Certificates of the sidecars.
    rule("certificates.k8s.io", "certificatesigningrequests", ["list", "watch"]),
    rule("certificates.k8s.io", "certificatesigningrequests/approval", ["update"]),
    rule("certificates.k8s.io", "certificatesigningrequests/status", ["update"]),
    rule("certificates.k8s.io", "signers", ["approve", "sign", "attest"], [names.signer]),
    rule("certificates.k8s.io", "clustertrustbundles", ["create"]),
    // Every service account may read them (system:cluster-trust-bundle-discovery).
    rule("certificates.k8s.io", "clustertrustbundles", ["update"], [names.trustBundle]),
    // The roots by which the API server knows the webhooks.
    rule(
      "admissionregistration.k8s.io",
      "mutatingwebhookconfigurations",
      ["get", "patch"],
      [names.injectorConfiguration],
    ),
    rule(
      "admissionregistration.k8s.io",
      "validatingwebhookconfigurations",
      ["get", "patch"],
      [names.validatorConfiguration],
    ),
    // What the webhooks judge by.
    rule("policy.openservicemesh.io", "ingressbackends", ["list"]),
    rule("policy.flomesh.io", "ingressbackends", ["list"]),
    rule("", "services", ["list"]),
  ];
}

/** In the mesh's own namespace. */
function meshRules({ mesh, givenAuthority }: RoleOptions, gatewaySecrets: readonly string[]): readonly Rule[] {
  const { controller, authoritySecret, webhookSecret } = meshNames(mesh.name);
  const written = [
    ...(givenAuthority === undefined ? [authoritySecret] : []),
    BUNDLE_NAME,
    webhookSecret,
    ...gatewaySecrets,
  ];
  return [
    rule("coordination.k8s.io", "leases", ["create"]),
    rule("coordination.k8s.io", "leases", ["get", "update"], [controller]),
    rule("", "secrets", ["create"]),
    rule("", "secrets", ["get", "update"], [...new Set(written)]),
    ...(givenAuthority === undefined ? [] : [rule("", "secrets", ["get"], [givenAuthority])]),
    rule("config.openservicemesh.io", "meshconfigs", ["get"], [MESH_CONFIG_NAME]),
  ];
}

/** Of the controller, with their bindings to its account. */
export function controllerRoles(options: RoleOptions): readonly Manifest[] {
  const { mesh, gatewaySecrets } = options;
  const { controller } = meshNames(mesh.name);
  const subjects = [{ kind: "ServiceAccount", name: controller, namespace: mesh.namespace }];
  const labels = labelsOf(mesh);
  const secretsIn = (namespace: string): readonly string[] =>
    gatewaySecrets.filter((one) => one.namespace === namespace).map(({ secret }) => secret);
  const elsewhere = [...new Set(gatewaySecrets.map(({ namespace }) => namespace))].filter(
    (one) => one !== mesh.namespace,
  );
  const inNamespace = (namespace: string, rules: readonly Rule[]): readonly Manifest[] => [
    { apiVersion: `${RBAC}/v1`, kind: "Role", metadata: { name: controller, namespace, labels }, rules },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "RoleBinding",
      metadata: { name: controller, namespace, labels },
      roleRef: { apiGroup: RBAC, kind: "Role", name: controller },
      subjects,
    },
  ];
  return [
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRole",
      metadata: { name: controller, labels },
      rules: clusterRules(mesh),
    },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: controller, labels },
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: controller },
      subjects,
    },
    ...inNamespace(mesh.namespace, meshRules(options, secretsIn(mesh.namespace))),
    ...elsewhere.flatMap((namespace) =>
      inNamespace(namespace, [
        rule("", "secrets", ["create"]),
        rule("", "secrets", ["get", "update"], secretsIn(namespace)),
      ]),
    ),
  ];
}

/**
 * Of the sidecars: two roles without a subject. The controller binds them to the service accounts of the mesh's namespaces,
 * the first inside each namespace, the second for the whole cluster.
 */
export function sidecarRoles(mesh: Mesh): readonly Manifest[] {
  const { sidecarRole, sidecarClusterRole } = meshNames(mesh.name);
  const labels = labelsOf(mesh);
  const groups = ["policy.openservicemesh.io", "policy.flomesh.io"];
  const own: readonly Rule[] = [
    { apiGroups: groups, resources: ["ingressbackends"], verbs: ["list", "watch"] },
    { apiGroups: groups, resources: ["ingressbackends/status"], verbs: ["patch"] },
    rule("events.k8s.io", "events", ["create"]),
    rule("coordination.k8s.io", "leases", ["get", "create", "update"]),
    rule("discovery.k8s.io", "endpointslices", ["list", "watch"]),
  ];
  const everywhere: readonly Rule[] = [
    rule("discovery.k8s.io", "endpointslices", ["list", "watch"]),
    rule("", "namespaces", ["list", "watch"]),
    rule("certificates.k8s.io", "certificatesigningrequests", ["create", "get"]),
  ];
  return [
    { apiVersion: `${RBAC}/v1`, kind: "ClusterRole", metadata: { name: sidecarRole, labels }, rules: own },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRole",
      metadata: { name: sidecarClusterRole, labels },
      rules: everywhere,
    },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: sidecarClusterRole, labels },
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: sidecarClusterRole },
    },
  ];
}
