/** Objects with versions and a history, as etcd and the watch cache keep them: what was compacted is gone, and versions only grow. */
import { randomUUID } from "node:crypto";
import { groupVersion, type ResourceType } from "./resource-types.ts";

export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly resource: ResourceType;
  readonly version: number;
  readonly object: StoredObject;
  readonly previous?: StoredObject;
}

/** What a caller may send: anything with a name. */
export interface Draft {
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
  };
  readonly [member: string]: unknown;
}

export class Store {
  readonly #objects = new Map<ResourceType, Map<string, StoredObject>>();
  readonly #listeners = new Set<(change: Change) => void>();
  #history: Change[] = [];
  #oldest = 0;
  #version = 1;

  get version(): number {
    return this.#version;
  }

  list(resource: ResourceType, namespace?: string): readonly StoredObject[] {
    return [...this.#of(resource)]
      .filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  get(resource: ResourceType, namespace: string, name: string): StoredObject | undefined {
    return this.#of(resource).get(`${namespace}/${name}`);
  }

  /** `undefined` when an object of that name exists. */
  create(resource: ResourceType, namespace: string, draft: Draft): StoredObject | undefined {
    const name = draft.metadata.name ?? `${draft.metadata.generateName ?? ""}${randomUUID().slice(0, 8)}`;
    if (this.get(resource, namespace, name) !== undefined) return undefined;
    this.#version += 1;
    const object: StoredObject = {
      ...draft,
      apiVersion: groupVersion(resource),
      kind: resource.kind,
      metadata: {
        ...draft.metadata,
        name,
        ...(resource.namespaced && { namespace }),
        uid: randomUUID(),
        resourceVersion: String(this.#version),
        generation: 1,
        creationTimestamp: draft.metadata.creationTimestamp ?? new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      },
    };
    this.#put({ type: "ADDED", resource, version: this.#version, object });
    return object;
  }

  /** Everything but the metadata is replaced; the generation grows unless only the status changed. */
  update(resource: ResourceType, current: StoredObject, draft: Draft, onlyStatus = false): StoredObject {
    this.#version += 1;
    const object: StoredObject = {
      ...draft,
      apiVersion: current.apiVersion,
      kind: current.kind,
      metadata: {
        ...current.metadata,
        ...(draft.metadata.labels !== undefined && { labels: draft.metadata.labels }),
        ...(draft.metadata.annotations !== undefined && { annotations: draft.metadata.annotations }),
        resourceVersion: String(this.#version),
        generation: current.metadata.generation + (onlyStatus ? 0 : 1),
      },
    };
    this.#put({ type: "MODIFIED", resource, version: this.#version, object, previous: current });
    return object;
  }

  delete(resource: ResourceType, current: StoredObject): StoredObject {
    this.#version += 1;
    const object = { ...current, metadata: { ...current.metadata, resourceVersion: String(this.#version) } };
    this.#put({ type: "DELETED", resource, version: this.#version, object, previous: current });
    return object;
  }

  /** Changes after a version, or `undefined` when they are forgotten in part. */
  since(version: number): readonly Change[] | undefined {
    return version < this.#oldest ? undefined : this.#history.filter((change) => change.version > version);
  }

  /** Returns the function that ends it. */
  follow(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  compact(): void {
    this.#history = [];
    // As in a cluster, where something is always written: even the youngest version is out of reach.
    this.#version += 1;
    this.#oldest = this.#version;
  }

  /** A new etcd: nothing is there, and versions begin anew. */
  reset(): void {
    this.#objects.clear();
    this.#history = [];
    this.#oldest = 0;
    this.#version = 1;
  }

  #of(resource: ResourceType): Map<string, StoredObject> {
    let objects = this.#objects.get(resource);
    if (objects === undefined) this.#objects.set(resource, (objects = new Map()));
    return objects;
  }

  #put(change: Change): void {
    const { namespace = "", name } = change.object.metadata;
    if (change.type === "DELETED") this.#of(change.resource).delete(`${namespace}/${name}`);
    else this.#of(change.resource).set(`${namespace}/${name}`, change.object);
    this.#history.push(change);
    for (const listener of this.#listeners) listener(change);
  }
}
