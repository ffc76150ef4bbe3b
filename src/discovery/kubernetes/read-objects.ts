/** One look at a cluster for a question about one namespace: what it needs is listed once, and nothing is followed or written. */
import { parseIngressBackend } from "../../policy/objects/parse.ts";
import { groupOf } from "../same-name.ts";
import type { WorldObjects } from "../world.ts";
import { ApiClient } from "../../api-server/client.ts";
import type { ApiCredentials } from "../../api-server/credentials.ts";
import { ApiFailure, type FailureKind } from "../../api-server/failure.ts";
import { listAll } from "../../api-server/list.ts";
import { identityOf, isRecord, type KubernetesObject } from "../../api-server/objects.ts";
import { slicePath } from "./slices.ts";
import { SERVICE_LABEL } from "../../policy/objects/parse-endpoints.ts";
import { DEFAULT_TIMING } from "../../api-server/timing.ts";

/** Without OSM's objects, where they are, every answer would be no: that they may not be read is an error. */
const GROUPS: readonly (readonly [string, readonly FailureKind[]])[] = [
  ["policy.openservicemesh.io", ["absent"]],
  ["policy.flomesh.io", ["absent", "forbidden"]],
];

export interface ReadOptions {
  readonly credentials: ApiCredentials;
  readonly namespace: string;
  /** IngressBackends that take the place of those of the same name, or stand beside them. */
  readonly instead?: readonly unknown[];
  readonly signal: AbortSignal;
}

/** Rejects with an ApiFailure when the API server cannot be asked or forbids what is needed. */
export async function readObjects(options: ReadOptions): Promise<WorldObjects> {
  const client = new ApiClient({ credentials: options.credentials, timing: DEFAULT_TIMING });
  try {
    return await readWith(client, options);
  } finally {
    await client.close();
  }
}

async function readWith(client: ApiClient, { namespace, instead = [], signal }: ReadOptions): Promise<WorldObjects> {
  const list = async (path: string, selector: Readonly<Record<string, string>> = {}): Promise<KubernetesObject[]> => {
    const found: KubernetesObject[] = [];
    await listAll(client, { path, selector, signal }, (object) => found.push(object));
    return found;
  };
  const found: KubernetesObject[] = [];
  for (const [group, mayBeMissing] of GROUPS) {
    const apiVersion = `${group}/v1alpha1`;
    const listed = await optional(list(`/apis/${apiVersion}/namespaces/${namespace}/ingressbackends`), mayBeMissing);
    // Items of a list need not name their group, which decides between objects of one name.
    found.push(...listed.map((object) => ({ ...object, apiVersion })));
  }
  const former = new Map(found.map((object) => [nameOf(object), object]));
  const edited = instead.map((object) => asApplied(object, former.get(nameOf(object))));
  const replaced = new Set(edited.map(nameOf));
  const ingressBackends = [...found.filter((object) => !replaced.has(nameOf(object))), ...edited];
  const sources = ingressBackends
    .flatMap((object) => parseIngressBackend(object).policy?.sources ?? [])
    .flatMap(({ kind, namespace: of, name }) => (kind === "Service" && of !== undefined ? [`${of}/${name}`] : []));
  const endpointSlices = await list(slicePath(namespace));
  const namespaces: KubernetesObject[] = [];
  for (const key of new Set(sources)) {
    const [of = "", name = ""] = key.split("/");
    // Those of our own namespace are all there already.
    if (of !== namespace)
      endpointSlices.push(...(await list(slicePath(of), { labelSelector: `${SERVICE_LABEL}=${name}` })));
  }
  for (const of of new Set(sources.map((key) => key.split("/")[0] ?? "")))
    namespaces.push(...(await optional(list("/api/v1/namespaces", { fieldSelector: `metadata.name=${of}` }))));
  const services = await optional(list(`/api/v1/namespaces/${namespace}/services`));
  return { ingressBackends, services, endpointSlices, endpoints: [], namespaces };
}

/** An object that is applied over another stays as old as that one: age decides between objects that claim one port. */
function asApplied(object: unknown, former: KubernetesObject | undefined): unknown {
  if (former === undefined || !isRecord(object) || !isRecord(former["metadata"])) return object;
  const { uid, creationTimestamp } = former["metadata"];
  return { ...object, metadata: { ...(isRecord(object["metadata"]) && object["metadata"]), uid, creationTimestamp } };
}

/** What need not be there, or need not be seen. */
async function optional(
  objects: Promise<KubernetesObject[]>,
  mayBe: readonly FailureKind[] = ["absent", "forbidden"],
): Promise<KubernetesObject[]> {
  try {
    return await objects;
  } catch (error) {
    if (error instanceof ApiFailure && mayBe.includes(error.kind)) return [];
    throw error;
  }
}

/** Of one API group: an object takes the place of none of the other. */
function nameOf(object: unknown): string {
  const identity = isRecord(object) ? identityOf(object) : undefined;
  return `${groupOf(object)}/${identity?.namespace === "" ? "default" : (identity?.namespace ?? "")}/${identity?.name ?? ""}`;
}
