/** Objects of any kind at the API server, found by the server's own list of what it serves. */
import type { Manifest } from "../../controller/manifests/manifest.ts";
import type { ApiClient } from "../../api-server/client.ts";
import { ApiFailure } from "../../api-server/failure.ts";
import { listAll } from "../../api-server/list.ts";
import { isRecord, labelOf, listOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";
import { FIELD_MANAGER, INSTALLED_LABEL, nameOf } from "../names.ts";

export interface ObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface Resource {
  readonly plural: string;
  readonly namespaced: boolean;
}

export type Applied = "created" | "changed" | "unchanged";

export class ApiObjects {
  readonly client: ApiClient;
  readonly signal: AbortSignal;
  readonly #resources = new Map<string, ReadonlyMap<string, Resource>>();

  /** @param signal ends whatever is asked */
  constructor(client: ApiClient, signal: AbortSignal) {
    this.client = client;
    this.signal = signal;
  }

  /** Definitions that were just applied bring kinds that were not served before. */
  forgetKinds(): void {
    this.#resources.clear();
  }

  async serves(apiVersion: string, kind: string): Promise<boolean> {
    return (await this.#resource(apiVersion, kind)) !== undefined;
  }

  /** @returns `undefined` where there is none, and where the kind is not served */
  async read(name: ObjectName): Promise<KubernetesObject | undefined> {
    const resource = await this.#resource(name.apiVersion, name.kind);
    if (resource === undefined) return undefined;
    return orAbsent(async () => {
      const object = await this.client.json({ path: pathOf(name, resource), signal: this.signal });
      return isRecord(object) ? object : undefined;
    });
  }

  /** Of the whole cluster, or of one namespace. Empty where the kind is not served. */
  async list(
    apiVersion: string,
    kind: string,
    options: { readonly labelSelector?: string; readonly namespace?: string } = {},
  ): Promise<readonly KubernetesObject[]> {
    const resource = await this.#resource(apiVersion, kind);
    if (resource === undefined) return [];
    const { labelSelector, namespace } = options;
    const place = namespace === undefined ? "" : `/namespaces/${namespace}`;
    const selector: Record<string, string> = labelSelector === undefined ? {} : { labelSelector };
    const found: KubernetesObject[] = [];
    const request = { path: `${rootOf(apiVersion)}${place}/${resource.plural}`, selector, signal: this.signal };
    await listAll(this.client, request, (object) => void found.push(object));
    // Items of a list do not say what they are.
    return found.map((object) => ({ ...object, apiVersion, kind }));
  }

  /**
   * Server-side apply. What others have set on an object of ours is taken back; on one that is not ours the server refuses
   * where the two disagree.
   */
  async apply(object: Manifest): Promise<Applied> {
    const resource = await this.#resource(object.apiVersion, object.kind);
    if (resource === undefined)
      throw new Error(`${nameOf(object)}: the API server does not serve ${object.apiVersion}`);
    const former = await this.read(object);
    const ours = former === undefined || labelOf(former, INSTALLED_LABEL) === labelOf(object, INSTALLED_LABEL);
    const written = await this.client.json({
      method: "PATCH",
      path: pathOf(object, resource),
      query: { fieldManager: FIELD_MANAGER, force: String(ours) },
      body: object,
      contentType: "application/apply-patch+yaml",
      signal: this.signal,
    });
    if (former === undefined) return "created";
    return versionOf(former) === versionOf(written) ? "unchanged" : "changed";
  }

  async merge(name: ObjectName, change: object): Promise<void> {
    const resource = await this.#resource(name.apiVersion, name.kind);
    if (resource === undefined) throw new Error(`${nameOf(name)}: the API server does not serve ${name.apiVersion}`);
    await this.client.json({
      method: "PATCH",
      path: pathOf(name, resource),
      query: { fieldManager: FIELD_MANAGER },
      body: change,
      contentType: "application/merge-patch+json",
      signal: this.signal,
    });
  }

  /** With all that hangs on it, in the server's own time. @returns false where there was none */
  async remove(name: ObjectName): Promise<boolean> {
    const resource = await this.#resource(name.apiVersion, name.kind);
    if (resource === undefined) return false;
    const path = pathOf(name, resource);
    const query = { propagationPolicy: "Background" };
    return (
      (await orAbsent(async () => {
        await this.client.json({ method: "DELETE", path, query, signal: this.signal });
        return true;
      })) ?? false
    );
  }

  /** What the signed-in user may do. */
  async may(verb: string, group: string, resource: string, namespace?: string): Promise<boolean> {
    const answer = await this.client.json({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: { verb, group, resource, ...(namespace !== undefined && { namespace }) } },
      },
      signal: this.signal,
    });
    const status = isRecord(answer) ? answer["status"] : undefined;
    return isRecord(status) && status["allowed"] === true;
  }

  async #resource(apiVersion: string, kind: string): Promise<Resource | undefined> {
    const known = this.#resources.get(apiVersion) ?? (await this.#look(apiVersion));
    this.#resources.set(apiVersion, known);
    return known.get(kind);
  }

  async #look(apiVersion: string): Promise<ReadonlyMap<string, Resource>> {
    const answer = await orAbsent(() => this.client.json({ path: rootOf(apiVersion), signal: this.signal }));
    return new Map(
      listOf(answer, "resources").flatMap((resource) => {
        const [kind, plural] = [textOf(resource, "kind"), textOf(resource, "name")];
        // Subresources are called `pods/status`.
        return kind === undefined || plural === undefined || plural.includes("/")
          ? []
          : [[kind, { plural, namespaced: isRecord(resource) && resource["namespaced"] === true }] as const];
      }),
    );
  }
}

/** Name and namespace of an object that the server sent. */
export function named(object: KubernetesObject): ObjectName {
  const { metadata } = object;
  const namespace = textOf(metadata, "namespace");
  return {
    apiVersion: textOf(object, "apiVersion") ?? "",
    kind: textOf(object, "kind") ?? "",
    metadata: { name: textOf(metadata, "name") ?? "", ...(namespace !== undefined && { namespace }) },
  };
}

function versionOf(object: unknown): string | undefined {
  return isRecord(object) ? textOf(object["metadata"], "resourceVersion") : undefined;
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function pathOf({ apiVersion, metadata }: ObjectName, { plural, namespaced }: Resource): string {
  const place = namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
  return `${rootOf(apiVersion)}${place}/${plural}/${metadata.name}`;
}

async function orAbsent<Value>(ask: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApiFailure && error.kind === "absent") return undefined;
    throw error;
  }
}
