/** Contour's own published manifest, placed in the mesh's namespace and joined to the mesh. Pure. */
import { isMap, parseAllDocuments, type Tags } from "yaml";
import type { Manifest } from "../../controller/manifests/manifest.ts";
import { BUNDLE_NAME, type Mesh } from "../../controller/names.ts";
import { GATEWAY_SECRET, GATEWAY_SERVICE } from "../names.ts";
import { withClientCertificate } from "./client-certificate.ts";

export type Placed = { readonly objects: readonly Manifest[] } | { readonly problem: string };

/** What the manifest must have, or it is not Contour's: each with what is wanted of it. */
const CONFIG = { kind: "ConfigMap", name: "contour" } as const;
const ENVOY = { kind: "Service", name: "envoy" } as const;

/** kubectl reads YAML 1.1, where a file's mode 0644 is 420, but knows no times and no sexagesimal numbers. */
const AS_KUBECTL = {
  version: "1.1",
  customTags: (tags: Tags): Tags =>
    tags.filter(
      (tag) =>
        typeof tag === "string" ||
        (tag.tag !== "tag:yaml.org,2002:timestamp" && !("format" in tag && tag.format === "TIME")),
    ),
} as const;

const EXPECTED = "expected Contour's own manifest, as examples/render/contour.yaml of a release";

/** @param text the manifest as Contour publishes it @param mesh where it goes */
export function contourObjects(text: string, mesh: Mesh): Placed {
  const objects: Manifest[] = [];
  for (const document of parseAllDocuments(text, AS_KUBECTL)) {
    const [error] = document.errors;
    if (error !== undefined) return { problem: `it is not YAML: ${error.message}; ${EXPECTED}` };
    if (document.contents === null) continue;
    if (!isMap(document.contents)) return { problem: `a document of it is no object; ${EXPECTED}` };
    const object = document.toJS() as Partial<Manifest> | null;
    if (
      typeof object?.apiVersion !== "string" ||
      typeof object.kind !== "string" ||
      typeof object.metadata?.name !== "string"
    )
      return { problem: `a document of it has no apiVersion, kind or metadata.name; ${EXPECTED}` };
    objects.push(object as Manifest);
  }
  const find = ({ kind, name }: { readonly kind: string; readonly name: string }): Manifest | undefined =>
    objects.find((object) => object.kind === kind && object.metadata.name === name);
  const config = find(CONFIG);
  const envoy = find(ENVOY);
  if (config === undefined || envoy === undefined)
    return { problem: `it has no ${config === undefined ? "ConfigMap contour" : "Service envoy"}; ${EXPECTED}` };
  const from = config.metadata.namespace;
  const elsewhere = objects.find(({ metadata }) => metadata.namespace !== undefined && metadata.namespace !== from);
  if (from === undefined || elsewhere !== undefined)
    return {
      problem: `its objects are not of one namespace (${elsewhere?.metadata.name ?? config.metadata.name}); ${EXPECTED}`,
    };
  const change = withConfig(config, mesh);
  if ("problem" in change) return change;
  const placed = objects
    .filter(({ kind, metadata }) => !(kind === "Namespace" && metadata.name === from))
    .map((object) => (object === config ? change.config : object))
    .map((object) => inNamespace(object, from, mesh.namespace));
  return { objects: [...placed, gatewayService(envoy, mesh), bundleDelegation(mesh)] };
}

function withConfig(config: Manifest, mesh: Mesh): { readonly config: Manifest } | { readonly problem: string } {
  const data = config["data"] as Readonly<Record<string, string>> | undefined;
  const change = withClientCertificate(data?.["contour.yaml"] ?? "", {
    name: GATEWAY_SECRET,
    namespace: mesh.namespace,
  });
  switch (change.kind) {
    case "refused":
      return { problem: `contour.yaml in its ConfigMap contour cannot be changed: ${change.problem}` };
    case "unchanged":
      return { config };
    case "changed":
      return { config: { ...config, data: { ...data, "contour.yaml": change.text } } };
  }
}

function inNamespace(object: Manifest, from: string, to: string): Manifest {
  const { metadata } = object;
  const subjects = object["subjects"] as readonly { readonly namespace?: string }[] | undefined;
  return {
    ...object,
    ...(metadata.namespace === from && { metadata: { ...metadata, namespace: to } }),
    ...(subjects !== undefined && {
      subjects: subjects.map((subject) => (subject.namespace === from ? { ...subject, namespace: to } : subject)),
    }),
  };
}

/** The Service that policies written for OSM name as their source: the addresses of Contour's Envoys. */
function gatewayService(envoy: Manifest, { namespace }: Mesh): Manifest {
  const { selector, ports } = envoy["spec"] as { readonly selector?: object; readonly ports?: readonly object[] };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: GATEWAY_SERVICE, namespace },
    spec: { type: "ClusterIP", selector, ports },
  };
}

/** Lets HTTPProxies of every namespace check the application's certificate: the bundle holds no secret. */
export function bundleDelegation({ namespace }: Pick<Mesh, "namespace">): Manifest {
  return {
    apiVersion: "projectcontour.io/v1",
    kind: "TLSCertificateDelegation",
    metadata: { name: BUNDLE_NAME, namespace },
    spec: { delegations: [{ secretName: BUNDLE_NAME, targetNamespaces: ["*"] }] },
  };
}
