/** What is written down of one exchange. */
import type { RequestFacts, RequestFailure, RequestSpan } from "../../../telemetry/records.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpVersion } from "./message.ts";

/** Longest path that is written down. */
const MAX_PATH = 1_024;

const PROTOCOL = { "1.0": "HTTP/1.0", "1.1": "HTTP/1.1", "2": "HTTP/2" } as const satisfies Record<HttpVersion, string>;

/** The part of a request that every record names. */
export interface NamedRequest {
  readonly method: string;
  readonly target: string;
  readonly version: HttpVersion;
}

/** Of an exchange that went to the application. */
export function exchangeFacts(exchange: Exchange): RequestFacts {
  const { head, headers } = exchange.parts;
  const { firstByteMs } = exchange;
  return {
    requestId: headers.requestId,
    method: head.method,
    path: pathOf(head.target),
    protocol: PROTOCOL[head.version],
    status: exchange.status,
    reason: exchange.failure,
    userAgent: headers.userAgent,
    traceparent: headers.traceparent,
    span: sampled(headers.span),
    startedAt: exchange.startedAt,
    durationMs: round(exchange.durationMs),
    firstByteMs: firstByteMs === undefined ? undefined : round(firstByteMs),
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
  };
}

/** A request that was answered without the application. */
export interface RefusedRequest {
  readonly head: NamedRequest;
  readonly status: number;
  /** Absent: it was not refused. */
  readonly reason: RequestFailure | undefined;
  /** As the caller was shown it. */
  readonly requestId: string;
}

/** @param span of the request, where it got as far as having one */
export function refusalFacts(
  { head, status, reason, requestId }: RefusedRequest,
  span: RequestSpan | undefined,
): RequestFacts {
  return {
    requestId,
    method: head.method,
    path: pathOf(head.target),
    protocol: PROTOCOL[head.version],
    status,
    reason,
    userAgent: undefined,
    traceparent: undefined,
    span: sampled(span),
    startedAt: Date.now(),
    durationMs: 0,
    firstByteMs: undefined,
    bytesIn: 0,
    bytesOut: 0,
  };
}

function sampled(span: RequestSpan | undefined): RequestSpan | undefined {
  return span?.sampled === true ? span : undefined;
}

/** Queries may hold secrets. */
function pathOf(target: string): string {
  const query = target.indexOf("?");
  return target.slice(0, query === -1 ? MAX_PATH : Math.min(query, MAX_PATH));
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
