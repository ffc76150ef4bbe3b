/** What a cluster has already: meshes of OSM and of Postern, and Contours. */
import { INSTANCE_LABEL } from "../../controller/names.ts";
import { MONITORED_LABEL } from "../../policy/monitored-label.ts";
import { annotationOf } from "../../controller/objects/owned-objects.ts";
import { identityOf, labelOf, type KubernetesObject } from "../../api-server/objects.ts";
import { VERSION_LABEL } from "../names.ts";
import type { ApiObjects } from "./api-objects.ts";

/** Helm's, on every object of a release. */
const RELEASE_ANNOTATION = "meta.helm.sh/release-name";

export interface FoundMesh {
  readonly namespace: string;
  /** Absent where its Deployment does not say. */
  readonly mesh?: string;
  readonly version?: string;
  /** The release of Helm that it belongs to. */
  readonly release?: string;
}

export interface Survey {
  /** Open Service Mesh, and its fork. */
  readonly osm: readonly FoundMesh[];
  readonly postern: readonly FoundMesh[];
  /** Namespaces with a Contour. */
  readonly contours: readonly string[];
  /** Namespaces by the mesh that their label names. */
  readonly namespaces: readonly { readonly name: string; readonly mesh: string }[];
}

export async function survey(objects: ApiObjects): Promise<Survey> {
  const deployments = (labelSelector: string): Promise<readonly KubernetesObject[]> =>
    objects.list("apps/v1", "Deployment", { labelSelector });
  const [osm, postern, contours, namespaces] = await Promise.all([
    deployments("app in (osm-controller,fsm-controller)"),
    deployments("app.kubernetes.io/name=postern,app.kubernetes.io/component=controller"),
    deployments("app=contour"),
    objects.list("v1", "Namespace", { labelSelector: MONITORED_LABEL }),
  ]);
  return {
    osm: osm.map((one) => found(one, "meshName")),
    postern: postern.map((one) => found(one, INSTANCE_LABEL)),
    contours: contours.map((one) => identityOf(one)?.namespace ?? ""),
    namespaces: namespaces.map((one) => ({
      name: identityOf(one)?.name ?? "",
      mesh: labelOf(one, MONITORED_LABEL) ?? "",
    })),
  };
}

function found(deployment: KubernetesObject, label: string): FoundMesh {
  const [mesh, version] = [labelOf(deployment, label), labelOf(deployment, VERSION_LABEL)];
  const release = annotationOf(deployment, RELEASE_ANNOTATION);
  return {
    namespace: identityOf(deployment)?.namespace ?? "",
    ...(mesh !== undefined && { mesh }),
    ...(version !== undefined && { version }),
    ...(release !== undefined && { release }),
  };
}
