/** By what an installed mesh is found again, and what the parts of its gateway are called. */
import type { Manifest } from "../controller/manifests/manifest.ts";
import { VERSION } from "../telemetry/version.ts";

/** On every object that `install` makes, with the mesh's name: `uninstall` goes by it. */
export const INSTALLED_LABEL = "postern.dev/installed-for";
/** Kubernetes' recommended label for it. */
export const VERSION_LABEL = "app.kubernetes.io/version";

/** OSM's own names of the gateway that it installed with Contour. */
export const GATEWAY_SERVICE = "osm-contour-envoy";
export const GATEWAY_SECRET = "osm-contour-envoy-client-cert";

/** Field manager of what `install` applies. */
export const FIELD_MANAGER = "postern-install";

/** The object with the labels by which it is found; those of pod templates and selectors stay. */
export function marked(object: Manifest, mesh: string): Manifest {
  const { metadata } = object;
  const labels = metadata["labels"] as Readonly<Record<string, string>> | undefined;
  return {
    ...object,
    metadata: { ...metadata, labels: { ...labels, [INSTALLED_LABEL]: mesh, [VERSION_LABEL]: VERSION } },
  };
}

/** As people write it: `Secret osm-system/osm-ca-bundle`. */
export function nameOf({ kind, metadata }: Pick<Manifest, "kind" | "metadata">): string {
  return `${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
}
