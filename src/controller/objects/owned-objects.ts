/** Objects that the controller keeps at the API server: written only where they differ, and never over somebody else's. */
import type { ApiClient } from "../../api-server/client.ts";
import { ApiFailure } from "../../api-server/failure.ts";
import { isRecord, labelOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";

/** Says that an object is the controller's to change; whoever sets it on an object hands that object over. */
export const OWNER_LABEL = "app.kubernetes.io/managed-by";
export const OWNER = "postern-controller";

/** An object of that name is there and is not ours to change. */
export class ForeignObjectError extends Error {
  override readonly name = "ForeignObjectError";
}

export interface ObjectPlace {
  /** Of its collection, e.g. `/api/v1/namespaces/osm-system/secrets`. */
  readonly path: string;
  readonly name: string;
}

export function secretPlace(namespace: string, name: string): ObjectPlace {
  return { path: `/api/v1/namespaces/${namespace}/secrets`, name };
}

/** @returns `undefined` where there is none. Rejects with an ApiFailure. */
export async function readObject(
  client: ApiClient,
  { path, name }: ObjectPlace,
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  try {
    const object = await client.json({ path: `${path}/${name}`, signal });
    return isRecord(object) ? object : undefined;
  } catch (error) {
    if (error instanceof ApiFailure && error.kind === "absent") return undefined;
    throw error;
  }
}

/**
 * Creates the object, or puts it in place of `former` if that is still what stands there. Of two who write at once one
 * fails with 409 and looks again.
 *
 * @throws ForeignObjectError where `former` does not carry our label. Rejects with an ApiFailure.
 */
export async function writeObject(
  client: ApiClient,
  { path, name }: ObjectPlace,
  former: KubernetesObject | undefined,
  wanted: KubernetesObject,
  signal: AbortSignal,
): Promise<void> {
  const metadata = isRecord(wanted["metadata"]) ? wanted["metadata"] : {};
  const labels = { ...(isRecord(metadata["labels"]) ? metadata["labels"] : {}), [OWNER_LABEL]: OWNER };
  const owned = { ...wanted, metadata: { ...metadata, name, labels } };
  if (former === undefined) {
    await client.json({ method: "POST", path, body: owned, signal });
    return;
  }
  if (!isOurs(former))
    throw new ForeignObjectError(
      `${path}/${name} is there and not the controller's: delete it, or hand it over with the label ${OWNER_LABEL}=${OWNER}`,
    );
  const resourceVersion = textOf(former["metadata"], "resourceVersion");
  const body = { ...owned, metadata: { ...owned.metadata, resourceVersion } };
  await client.json({ method: "PUT", path: `${path}/${name}`, body, signal });
}

export function isOurs(object: KubernetesObject): boolean {
  return labelOf(object, OWNER_LABEL) === OWNER;
}

export function annotationOf(object: KubernetesObject, name: string): string | undefined {
  const { metadata } = object;
  return textOf(isRecord(metadata) ? metadata["annotations"] : undefined, name);
}

/** The texts of a Secret. */
export function secretTexts(secret: KubernetesObject): Readonly<Record<string, string>> {
  const data = isRecord(secret["data"]) ? secret["data"] : {};
  return Object.fromEntries(
    Object.entries(data).flatMap(([key, value]) =>
      typeof value === "string" ? [[key, Buffer.from(value, "base64").toString("utf8")]] : [],
    ),
  );
}

type Texts = Readonly<Record<string, string>>;

export function secretObject(
  type: "kubernetes.io/tls" | "Opaque",
  texts: Texts,
  metadata: { readonly labels?: Texts; readonly annotations?: Texts } = {},
): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata,
    type,
    data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString("base64")])),
  };
}
