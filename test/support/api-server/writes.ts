/** Changes at the stand-in: create, replace, merge-patch (of the status alone where it is a subresource), delete with what hangs on it. */
import type { Target } from "./call.ts";
import { RESOURCE_TYPES, typeOfManifest } from "./resource-types.ts";
import { conflict, NOT_FOUND, statusBody } from "./status-answers.ts";
import type { Draft, Store, StoredObject } from "./store.ts";

interface Written {
  readonly status: number;
  readonly body: unknown;
}

/** RFC 1123 subdomain; a real server demands it of generated names' prefixes too. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const INVALID_NAME = { status: 422, reason: "Invalid", message: "metadata.name: Invalid value" };

export function changeObject(store: Store, method: string, target: Target, draft: Draft): Written {
  const { resource, name } = target;
  const namespace = target.namespace ?? "";
  if (method === "POST") {
    if (!NAME.test(draft.metadata.name ?? draft.metadata.generateName ?? "")) return refused(INVALID_NAME);
    // The server owns the status of a new object.
    const { status: _status, ...rest } = draft;
    const created = store.create(resource, namespace, resource.hasStatus ? rest : draft);
    return created === undefined ? refused(conflict("the object exists already")) : { status: 201, body: created };
  }
  const current = name === undefined ? undefined : store.get(resource, namespace, name);
  if (current === undefined) return refused(NOT_FOUND);
  if (method === "DELETE") return { status: 200, body: remove(store, target, current) };
  const metadata = draft.metadata as { readonly uid?: string; readonly resourceVersion?: string } | undefined;
  if (metadata?.uid !== undefined && metadata.uid !== current.metadata.uid)
    return refused(conflict("Precondition failed: UID in precondition differs from UID in object meta"));
  if (metadata?.resourceVersion !== undefined && metadata.resourceVersion !== current.metadata.resourceVersion)
    return refused(conflict("the object has been modified; please apply your changes to the latest version"));
  const onlyStatus = target.subresource === "status";
  const wanted = method === "PATCH" ? (mergePatch(current, draft) as Draft) : draft;
  const next = onlyStatus
    ? { ...current, status: wanted["status"] }
    : { ...wanted, ...(resource.hasStatus && { status: current.status }) };
  return { status: 200, body: store.update(resource, current, next, onlyStatus) };
}

/** With a namespace goes all that is in it; with a definition all objects of its kind. */
function remove(store: Store, { resource }: Target, current: StoredObject): StoredObject {
  const { name } = current.metadata;
  const dependents = RESOURCE_TYPES.flatMap((type) => {
    if (resource === typeOfManifest("v1", "Namespace"))
      return store.list(type, name).map((object) => ({ type, object }));
    return type.definition === name ? store.list(type).map((object) => ({ type, object })) : [];
  });
  for (const { type, object } of dependents) store.delete(type, object);
  return store.delete(resource, current);
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(refusal: Parameters<typeof statusBody>[0]): Written {
  return { status: refusal.status, body: statusBody(refusal) };
}
