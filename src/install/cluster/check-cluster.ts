/** Whether a cluster can hold a mesh: its version, its APIs, what is there already, and what whoever asks may do. */
import { BUNDLE_NAME, type Mesh } from "../../controller/names.ts";
import { isOurs } from "../../controller/objects/owned-objects.ts";
import { isRecord, textOf } from "../../api-server/objects.ts";
import { obstacles } from "./obstacles.ts";
import type { ApiObjects } from "./api-objects.ts";
import { missing, note, ok, type Finding } from "./finding.ts";
import type { Survey } from "./survey.ts";

/** Native sidecars are on by default since then (KEP-753), and the pause of a preStop since the next one (KEP-3960). */
const NATIVE_SIDECARS = 29;
const SLEEP_ACTION = 30;

const APIS = [
  ["admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "pods are injected by it"],
  ["certificates.k8s.io/v1", "CertificateSigningRequest", "sidecars ask for their certificates by it"],
  ["discovery.k8s.io/v1", "EndpointSlice", "the addresses of gateways are read from it"],
  ["coordination.k8s.io/v1", "Lease", "replicas of the controller choose a leader by it"],
] as const;

const RIGHTS = [
  ["create", "", "namespaces"],
  ["create", "apiextensions.k8s.io", "customresourcedefinitions"],
  ["create", "rbac.authorization.k8s.io", "clusterroles"],
  ["create", "rbac.authorization.k8s.io", "clusterrolebindings"],
  ["create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"],
  ["create", "admissionregistration.k8s.io", "validatingwebhookconfigurations"],
] as const;

export async function checkServer(objects: ApiObjects): Promise<readonly Finding[]> {
  const answer = await objects.client.json({ path: "/version", signal: objects.signal });
  const version = textOf(answer, "gitVersion") ?? "of an unknown version";
  const minor = Number.parseInt(textOf(answer, "minor") ?? "", 10);
  const served = await Promise.all(
    APIS.map(async ([apiVersion, kind, why]) =>
      (await objects.serves(apiVersion, kind))
        ? []
        : [missing(`the API server does not serve ${kind} of ${apiVersion}: ${why}`)],
    ),
  );
  return [ok(`Kubernetes ${version}`), ...sidecarsOf(minor), ...served.flat()];
}

function sidecarsOf(minor: number): readonly Finding[] {
  if (minor < NATIVE_SIDECARS)
    return [note(`native sidecars need Kubernetes 1.${NATIVE_SIDECARS}: install with --set classic=true`)];
  if (minor < SLEEP_ACTION)
    return [note(`the pause of a preStop needs Kubernetes 1.${SLEEP_ACTION}: install with --set classic=true`)];
  return [];
}

/** Before a mesh of that name is there. */
export async function checkBefore(objects: ApiObjects, mesh: Mesh, found: Survey): Promise<readonly Finding[]> {
  const intent = { mesh, withContour: false, besideOsm: false, upgrade: false };
  const rights = await Promise.all(
    RIGHTS.map(async ([verb, group, resource]) =>
      (await objects.may(verb, group, resource))
        ? []
        : [missing(`you may not ${verb} ${resource}; install needs an administrator`)],
    ),
  );
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: BUNDLE_NAME, namespace: mesh.namespace } };
  const bundle = await objects.read(secret);
  return [
    ...rights.flat(),
    ...obstacles(found, intent).map(missing),
    ...(bundle !== undefined && !isOurs(bundle)
      ? [
          missing(
            `Secret ${mesh.namespace}/${BUNDLE_NAME} is somebody else's, and the controller would not write to it; delete it, or label it app.kubernetes.io/managed-by=postern-controller`,
          ),
        ]
      : []),
    ...found.contours.map((namespace) =>
      note(`Contour is in namespace ${namespace}: join it with --gateway contour --gateway-namespace ${namespace}`),
    ),
    note(
      `mesh '${mesh.name}' is not installed: postern install --apply${found.contours.length === 0 ? " --with-contour" : ""}`,
    ),
  ];
}

/** Definitions of the IngressBackend: OSM's, or ours. */
export async function checkDefinition(objects: ApiObjects): Promise<readonly Finding[]> {
  const name = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "ingressbackends.policy.openservicemesh.io" },
  };
  const found = await objects.read(name);
  if (found === undefined) return [missing("IngressBackends are not defined: install, or apply config/crd")];
  const text = JSON.stringify(isRecord(found["spec"]) ? found["spec"] : {});
  return [
    text.includes('"subresources":{"status"')
      ? ok("IngressBackends are defined")
      : note("IngressBackends are defined without a status: what becomes of them is in the sidecars' logs alone"),
  ];
}
