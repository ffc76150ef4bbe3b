/** Objects applied one by one, and said. */
import { setTimeout as delay } from "node:timers/promises";
import type { Manifest } from "../../controller/manifests/manifest.ts";
import { isRecord, labelOf, listOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";
import { INSTALLED_LABEL, nameOf } from "../names.ts";
import type { ApiObjects } from "./api-objects.ts";

/** Between two looks at what the cluster has made of something. */
export const LOOK_MS = 500;

/** @param say one line for each object. Rejects at the first that cannot be applied, with its name */
export async function applyObjects(
  objects: ApiObjects,
  wanted: readonly Manifest[],
  say: (line: string) => void,
): Promise<void> {
  const definitions = wanted.filter(isDefinition);
  const rest = wanted.filter((object) => !isDefinition(object));
  const namespaces = rest.filter(({ kind }) => kind === "Namespace");
  for (const object of [...namespaces, ...definitions]) await applyOne(objects, object, say);
  for (const definition of definitions) await established(objects, definition);
  objects.forgetKinds();
  for (const object of rest.filter(({ kind }) => kind !== "Namespace")) await applyOne(objects, object, say);
}

async function applyOne(objects: ApiObjects, object: Manifest, say: (line: string) => void): Promise<void> {
  const name = nameOf(object);
  try {
    // Somebody else's definition describes objects that are in use: ours might not take them all.
    const former = isDefinition(object) ? await objects.read(object) : undefined;
    const left = former !== undefined && labelOf(former, INSTALLED_LABEL) !== labelOf(object, INSTALLED_LABEL);
    say(`${name}: ${left ? "left as it is: somebody else installed it" : await objects.apply(object)}`);
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function established(objects: ApiObjects, definition: Manifest): Promise<void> {
  while (!isEstablished(await objects.read(definition))) await delay(LOOK_MS, undefined, { signal: objects.signal });
}

function isEstablished(definition: KubernetesObject | undefined): boolean {
  const status = isRecord(definition?.["status"]) ? definition["status"] : {};
  return listOf(status, "conditions").some(
    (condition) => textOf(condition, "type") === "Established" && textOf(condition, "status") === "True",
  );
}

function isDefinition({ kind }: Manifest): boolean {
  return kind === "CustomResourceDefinition";
}
