/** A complete list of one kind of object, read in pages so that no single answer is large. */
import type { ApiClient } from "./client.ts";
import { ApiFailure } from "./failure.ts";
import { isRecord, listOf, textOf } from "./objects.ts";
import type { KubernetesObject } from "./objects.ts";

/** A hundred full EndpointSlices are about 3 MB: parsing a page never blocks the control side for long. */
const PAGE_SIZE = 100;

export interface ListRequest {
  readonly path: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Hands every object to `take` and returns the version that the whole list is of. No `resourceVersion` is sent: the
 * answer is then the most recent state, never that of a cache that lags behind what was already seen.
 */
export async function listAll(
  client: ApiClient,
  request: ListRequest,
  take: (object: KubernetesObject) => void,
): Promise<string> {
  let query: Record<string, string> = { ...request.selector, limit: String(PAGE_SIZE) };
  for (;;) {
    const page = await client.json({ path: request.path, query, signal: request.signal });
    if (!isRecord(page)) throw new ApiFailure("malformed", `the list ${request.path} is not an object`);
    const { metadata } = page;
    for (const item of listOf(page, "items")) if (isRecord(item)) take(item);
    const next = textOf(metadata, "continue") ?? "";
    if (next !== "") {
      query = { ...request.selector, limit: String(PAGE_SIZE), continue: next };
      continue;
    }
    const version = textOf(metadata, "resourceVersion") ?? "";
    if (version === "") throw new ApiFailure("malformed", `the list ${request.path} carries no resourceVersion`);
    return version;
  }
}
