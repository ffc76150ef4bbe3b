/** Which objects of a manifest matter, by API group and kind. */
import { INGRESS_BACKEND_VERSIONS } from "../../policy/objects/parse.ts";
import type { WorldObjects } from "../world.ts";
import type { ManifestObject } from "./documents.ts";

/** The list that an object belongs to; `undefined` for what Postern has no use for. */
export function listOf(object: Pick<ManifestObject, "kind" | "apiVersion">): keyof WorldObjects | undefined {
  const { kind, apiVersion } = object;
  if (kind === "IngressBackend" && INGRESS_BACKEND_VERSIONS.includes(apiVersion)) return "ingressBackends";
  if (apiVersion === "v1" && kind === "Service") return "services";
  if (apiVersion === "v1" && kind === "Endpoints") return "endpoints";
  if (apiVersion === "v1" && kind === "Namespace") return "namespaces";
  return kind === "EndpointSlice" && apiVersion.startsWith("discovery.k8s.io/") ? "endpointSlices" : undefined;
}

export function sortObjects(objects: readonly Pick<ManifestObject, "kind" | "apiVersion" | "value">[]): WorldObjects {
  const of = (list: keyof WorldObjects): readonly unknown[] =>
    objects.filter((object) => listOf(object) === list).map((object) => object.value);
  return {
    ingressBackends: of("ingressBackends"),
    services: of("services"),
    endpointSlices: of("endpointSlices"),
    endpoints: of("endpoints"),
    namespaces: of("namespaces"),
  };
}
