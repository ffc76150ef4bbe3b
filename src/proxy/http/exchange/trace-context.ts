/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context/, section 3.2) for a proxy that writes spans of its own: what the
 * application gets names Postern's span as the parent, so that the two hang together. Without tracing nothing of this runs
 * and the caller's lines pass through as they are.
 */
import { randomBytes } from "node:crypto";
import type { RequestSpan } from "../../../telemetry/records.ts";

/** Begins the span of one request whose caller sent this `traceparent`; none, or more than one, is `undefined`. */
export type NewSpan = (parent: string | undefined) => RequestSpan;

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;
const SAMPLED = 1;

/**
 * A caller's decision to sample is followed, either way.
 *
 * @param ratio share of the traces that begin here which are sampled, 0 to 1
 */
export function spanMaker(ratio: number): NewSpan {
  return (parent) => {
    const spanId = randomBytes(8).toString("hex");
    const [, traceId, parentId, flags] = TRACEPARENT.exec(parent ?? "") ?? [];
    // Higher versions promise these four fields and no more of them; version 00 has nothing after them.
    if (traceId !== undefined && parentId !== undefined && (!parent!.startsWith("00") || parent!.length === 55))
      return { traceId, spanId, parentId, sampled: (Number.parseInt(flags!, 16) & SAMPLED) === SAMPLED };
    return { traceId: randomBytes(16).toString("hex"), spanId, sampled: Math.random() < ratio };
  };
}

/** The line for the application. */
export function traceparentOf({ traceId, spanId, sampled }: RequestSpan): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** The one `traceparent` among header lines; several are none (section 3.2.1: it is a single value). */
export function traceparentIn(lines: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < lines.length; index += 2) {
    if (lines[index]!.toLowerCase() !== "traceparent") continue;
    if (found !== undefined) return undefined;
    found = lines[index + 1];
  }
  return found;
}
