/** Whether a mesh that is installed does what it is for. */
import { X509Certificate } from "node:crypto";
import { parseDocument } from "yaml";
import { BUNDLE_NAME, type Mesh } from "../../controller/names.ts";
import { MONITORED_LABEL } from "../../policy/monitored-label.ts";
import { secretTexts } from "../../controller/objects/owned-objects.ts";
import { identityOf, listOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";
import type { Manifest } from "../../controller/manifests/manifest.ts";
import { INSTALLED_LABEL } from "../names.ts";
import { VERSION } from "../../telemetry/version.ts";
import type { ApiObjects } from "./api-objects.ts";
import { missing, note, ok, type Finding } from "./finding.ts";
import { injectionOf, SIDECAR_INJECTION } from "../../inject/annotations.ts";
import { keptSecrets } from "./kept-secrets.ts";
import { SIDECAR } from "../../inject/containers.ts";
import { unready } from "./readiness.ts";
import type { FoundMesh, Survey } from "./survey.ts";

export async function checkMesh(
  objects: ApiObjects,
  mesh: Mesh,
  found: Survey,
  installed: FoundMesh,
): Promise<readonly Finding[]> {
  const namespaces = found.namespaces.filter((one) => one.mesh === mesh.name).map(({ name }) => name);
  const guarded = namespaces.filter((name) => name !== mesh.namespace && !found.contours.includes(name));
  const parts = await Promise.all([
    checkWorkloads(objects, mesh),
    checkCertificates(objects, mesh),
    ...guarded.map((namespace) => checkNamespace(objects, namespace)),
    ...found.contours.map((namespace) => checkContour(objects, namespace, namespaces.includes(namespace), mesh)),
    checkSources(objects, guarded, new Set(namespaces), mesh),
  ]);
  return [
    installed.version === VERSION
      ? ok(`mesh '${mesh.name}' by Postern ${VERSION}`)
      : note(
          `mesh '${mesh.name}' by Postern ${installed.version ?? "of an unknown version"}, this is ${VERSION}: ${
            installed.release === undefined ? "install --apply --upgrade" : `helm upgrade ${installed.release}`
          }`,
        ),
    ...parts.flat(),
    ...(guarded.length === 0
      ? [note(`no namespace is in the mesh yet: kubectl label namespace NAME ${MONITORED_LABEL}=${mesh.name}`)]
      : []),
  ];
}

async function checkWorkloads(objects: ApiObjects, mesh: Mesh): Promise<readonly Finding[]> {
  const labelSelector = `${INSTALLED_LABEL}=${mesh.name}`;
  const kinds = ["Deployment", "DaemonSet"] as const;
  const workloads = (await Promise.all(kinds.map((kind) => objects.list("apps/v1", kind, { labelSelector })))).flat();
  const waiting = await unready(objects, { mesh, gatewaySecrets: [], objects: workloads as unknown as Manifest[] });
  return waiting.length === 0
    ? [ok("every workload of the mesh is ready, and the webhooks are trusted")]
    : waiting.map(missing);
}

/** Those that the controller keeps. */
async function checkCertificates(objects: ApiObjects, mesh: Mesh): Promise<readonly Finding[]> {
  const secrets = await keptSecrets(objects, mesh);
  return secrets.flatMap((secret): readonly Finding[] => {
    const { namespace = "", name = "" } = identityOf(secret) ?? {};
    const text = secretTexts(secret)["tls.crt"];
    if (text === undefined) return [];
    const certificate = certificateOf(text);
    if (certificate === undefined) return [missing(`Secret ${namespace}/${name}: its tls.crt cannot be read`)];
    const end = certificate.validToDate;
    return [
      end.getTime() > Date.now()
        ? ok(`Secret ${namespace}/${name}: a certificate until ${end.toISOString()}`)
        : missing(
            `Secret ${namespace}/${name}: its certificate ended at ${end.toISOString()}; see the controller's log`,
          ),
    ];
  });
}

function certificateOf(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

async function checkNamespace(objects: ApiObjects, namespace: string): Promise<readonly Finding[]> {
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: BUNDLE_NAME, namespace } };
  const place = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  const [bundle, pods, object] = await Promise.all([
    objects.read(map),
    objects.list("v1", "Pod", { namespace }),
    objects.read(place),
  ]);
  const alive = pods.filter((pod) => !["Succeeded", "Failed"].includes(textOf(pod["status"], "phase") ?? ""));
  const running = alive.filter((pod) => (injectionOf(pod) ?? injectionOf(object)) !== false || hasSidecar(pod));
  const leftOut = alive.length - running.length;
  const bare = running.filter((pod) => !hasSidecar(pod));
  return [
    ...(bundle === undefined
      ? [missing(`namespace ${namespace}: the controller has not written ConfigMap ${BUNDLE_NAME} yet`)]
      : []),
    running.length === bare.length && bare.length > 0
      ? missing(
          `namespace ${namespace}: none of its ${bare.length} pods has a sidecar: kubectl -n ${namespace} rollout restart deployment`,
        )
      : bare.length > 0
        ? note(
            `namespace ${namespace}: without a sidecar: ${bare.map((pod) => identityOf(pod)?.name ?? "").join(", ")}`,
          )
        : ok(
            `namespace ${namespace}: ${running.length} pods, each with a sidecar${leftOut > 0 ? `; ${leftOut} without, as ${SIDECAR_INJECTION} says` : ""}`,
          ),
  ];
}

function hasSidecar(pod: KubernetesObject): boolean {
  const { spec } = pod;
  return [...listOf(spec, "containers"), ...listOf(spec, "initContainers")].some(
    (one) => textOf(one, "name") === SIDECAR,
  );
}

async function checkContour(
  objects: ApiObjects,
  namespace: string,
  labelled: boolean,
  mesh: Mesh,
): Promise<readonly Finding[]> {
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "contour", namespace } };
  const text = textOf((await objects.read(map))?.["data"], "contour.yaml") ?? "";
  const shown = parseDocument(text).getIn(["tls", "envoy-client-certificate", "name"]);
  const change = `postern install --gateway contour --gateway-namespace ${namespace}`;
  return [
    typeof shown === "string"
      ? ok(`Contour in namespace ${namespace} shows the certificate of Secret ${shown}`)
      : missing(`Contour in namespace ${namespace} shows no certificate to backends: ${change}`),
    labelled
      ? ok(`namespace ${namespace} of the gateway belongs to the mesh`)
      : missing(
          `sources in namespace ${namespace} match nobody: kubectl label namespace ${namespace} ${MONITORED_LABEL}=${mesh.name}`,
        ),
  ];
}

/** Sidecars of a mesh let in Services of namespaces of the mesh alone. */
async function checkSources(
  objects: ApiObjects,
  guarded: readonly string[],
  own: ReadonlySet<string>,
  mesh: Mesh,
): Promise<readonly Finding[]> {
  const policies = await Promise.all(
    guarded.map((namespace) => objects.list("policy.openservicemesh.io/v1alpha1", "IngressBackend", { namespace })),
  );
  return policies.flat().flatMap((policy) =>
    listOf(policy["spec"], "sources").flatMap((source) => {
      const namespace = textOf(source, "namespace");
      if (textOf(source, "kind") !== "Service" || namespace === undefined || own.has(namespace)) return [];
      const { name = "", namespace: at = "" } = identityOf(policy) ?? {};
      return [
        missing(
          `IngressBackend ${at}/${name}: its source ${namespace}/${textOf(source, "name") ?? ""} matches nobody: kubectl label namespace ${namespace} ${MONITORED_LABEL}=${mesh.name}`,
        ),
      ];
    }),
  );
}
