/** A watch's body: one JSON object a line, `{"type": ..., "object": ...}`. */
import { ApiFailure } from "../failure.ts";
import { isRecord } from "../objects.ts";

export interface WatchEvent {
  readonly type: string;
  readonly object: Readonly<Record<string, unknown>>;
}

/** etcd refuses objects above 1.5 MB by default; anything near this bound is not a watch line. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

/**
 * Yields the events of each chunk together, so that a burst is one change. Throws `malformed` for a line that is not an
 * event and for a stream that ends inside a line: what was lost is unknown then, and the caller has to list again.
 */
export async function* watchEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly WatchEvent[]> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of body) {
    const events: WatchEvent[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      pending.push(chunk.subarray(start, end));
      const line = Buffer.concat(pending).toString("utf8");
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      if (line.trim() !== "") events.push(parseEvent(line));
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      if (pendingBytes > MAX_LINE_BYTES)
        throw new ApiFailure("malformed", `a watch line exceeds ${String(MAX_LINE_BYTES)} bytes`);
    }
    yield events;
  }
  if (pendingBytes > 0)
    throw new ApiFailure("malformed", `the watch ended inside a line, after ${String(pendingBytes)} bytes`);
}

function parseEvent(line: string): WatchEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ApiFailure("malformed", `a watch line is not JSON: ${line.slice(0, 100)}`, { cause: error });
  }
  if (!isRecord(value) || typeof value["type"] !== "string" || !isRecord(value["object"])) {
    throw new ApiFailure("malformed", `a watch line is not an event: ${line.slice(0, 100)}`);
  }
  return { type: value["type"], object: value["object"] };
}
