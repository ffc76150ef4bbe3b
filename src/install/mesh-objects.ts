/** Everything that `postern install` prints, in the order in which it is applied. Pure. */
import { controllerObjects, type ControllerObjectsOptions } from "../controller/manifests/controller-objects.ts";
import type { Manifest } from "../controller/manifests/manifest.ts";
import { MONITORED_LABEL } from "../policy/monitored-label.ts";
import { marked } from "./names.ts";

export interface MeshObjectsOptions {
  readonly controller: ControllerObjectsOptions;
  /** Definitions of the IngressBackend; none where somebody else's are to stay. */
  readonly definitions: readonly Manifest[];
  /** Contour in the mesh's namespace, as `contourObjects` places it. */
  readonly contour?: readonly Manifest[];
}

const ORDER = ["Namespace", "CustomResourceDefinition"];

export function meshObjects({ controller, definitions, contour = [] }: MeshObjectsOptions): readonly Manifest[] {
  const { mesh } = controller;
  const namespace: Manifest = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: mesh.namespace,
      // A gateway's namespace belongs to the mesh: sources in others match nobody.
      ...(contour.length > 0 && { labels: { [MONITORED_LABEL]: mesh.name } }),
    },
  };
  const objects = [namespace, ...definitions, ...controllerObjects(controller), ...contour];
  return inOrder(objects).map((object) => marked(object, mesh.name));
}

/** What others are defined by goes first, and what is defined by others last. */
function inOrder(objects: readonly Manifest[]): readonly Manifest[] {
  const defined = new Set(objects.filter(({ kind }) => kind === "CustomResourceDefinition").map(definedKind));
  const rank = ({ kind }: Manifest): number =>
    defined.has(kind) ? ORDER.length + 1 : ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length;
  return objects.toSorted((a, b) => rank(a) - rank(b));
}

function definedKind(definition: Manifest): string | undefined {
  const spec = definition["spec"] as { readonly names?: { readonly kind?: string } } | undefined;
  return spec?.names?.kind;
}
