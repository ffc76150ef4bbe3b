/** The little that every Kubernetes object has in common, read without trust in the server's shape. */

export type KubernetesObject = Readonly<Record<string, unknown>>;

export interface ObjectIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member as text, or `undefined` when it is absent, null or something else. */
export function textOf(value: unknown, key: string): string | undefined {
  const member = isRecord(value) ? value[key] : undefined;
  return typeof member === "string" ? member : undefined;
}

/** The member as a list; absent and null are empty. */
export function listOf(value: unknown, key: string): readonly unknown[] {
  const member = isRecord(value) ? value[key] : undefined;
  return Array.isArray(member) ? (member as readonly unknown[]) : [];
}

/** Metadata of an object, or `undefined` when it has no name: no server sends that. */
export function identityOf(object: KubernetesObject): ObjectIdentity | undefined {
  const { metadata } = object;
  const name = textOf(metadata, "name");
  if (name === undefined) return undefined;
  return {
    name,
    namespace: textOf(metadata, "namespace") ?? "",
    uid: textOf(metadata, "uid") ?? "",
    resourceVersion: textOf(metadata, "resourceVersion") ?? "",
  };
}

/**
 * True when `version` is older than `reference`. Resource versions of one cluster are decimal numbers that grow
 * (KEP-5504); where they are not, nothing can be said and the answer is no.
 */
export function isOlderVersion(version: string, reference: string): boolean {
  const decimal = /^[1-9][0-9]*$/;
  if (!decimal.test(version) || !decimal.test(reference)) return false;
  return version.length === reference.length ? version < reference : version.length < reference.length;
}

export function labelOf(object: unknown, name: string): string | undefined {
  const metadata = isRecord(object) ? object["metadata"] : undefined;
  return textOf(isRecord(metadata) ? metadata["labels"] : undefined, name);
}
