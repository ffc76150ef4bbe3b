/** The Secrets that the controller of a mesh keeps, among those of other meshes. */
import { KEPT_LABEL } from "../../controller/names.ts";
import { OWNER, OWNER_LABEL } from "../../controller/objects/owned-objects.ts";
import { labelOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";
import type { ApiObjects } from "./api-objects.ts";

export interface MeshPlace {
  readonly name: string;
  readonly namespace: string;
}

/** Selects what a controller has made, of whatever mesh. */
export const OWNED = `${OWNER_LABEL}=${OWNER}`;

export async function keptSecrets(objects: ApiObjects, mesh: MeshPlace): Promise<readonly KubernetesObject[]> {
  return (await everyMeshs(objects)).filter(
    (secret) => labelOf(secret, KEPT_LABEL) === mesh.name || (isInside(secret, mesh) && isOfMesh(secret, mesh.name)),
  );
}

/** Those that do not say of which mesh they are, and stand in no mesh's own namespace. */
export async function unclaimedSecrets(
  objects: ApiObjects,
  meshes: readonly Pick<MeshPlace, "namespace">[],
): Promise<readonly KubernetesObject[]> {
  return (await everyMeshs(objects)).filter(
    (secret) => labelOf(secret, KEPT_LABEL) === undefined && !meshes.some((mesh) => isInside(secret, mesh)),
  );
}

/** False for what says that it is of another mesh. */
export function isOfMesh(object: KubernetesObject, mesh: string): boolean {
  return (labelOf(object, KEPT_LABEL) ?? mesh) === mesh;
}

function everyMeshs(objects: ApiObjects): Promise<readonly KubernetesObject[]> {
  return objects.list("v1", "Secret", { labelSelector: OWNED });
}

/** Two meshes share no namespace. */
function isInside({ metadata }: KubernetesObject, mesh: Pick<MeshPlace, "namespace">): boolean {
  return textOf(metadata, "namespace") === mesh.namespace;
}
