/** What is written down of one exchange. */
import type { RequestFailure, RequestRecord, RequestSpan } from "../../../telemetry/records.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpVersion } from "./message.ts";

/** Longest path that is written down. */
const MAX_PATH = 1_024;

/** The part of a request that every record names. */
export interface NamedRequest {
  readonly method: string;
  readonly target: string;
  readonly version: HttpVersion;
}

/** Of an exchange that went to the application. */
export function exchangeRecord(exchange: Exchange, thread: number): RequestRecord {
  const { connection, head, headers } = exchange.parts;
  return {
    ...commonFields(connection, thread, head),
    requestId: headers.requestId,
    status: exchange.status,
    ...(exchange.failure !== undefined && { reason: exchange.failure }),
    ...(headers.userAgent !== undefined && { userAgent: headers.userAgent }),
    ...(headers.traceparent !== undefined && { traceparent: headers.traceparent }),
    ...sampled(headers.span),
    startedAt: exchange.startedAt,
    durationMs: round(exchange.durationMs),
    ...(exchange.firstByteMs !== undefined && { firstByteMs: round(exchange.firstByteMs) }),
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
  };
}

/** A request that was refused without the application. */
export interface RefusedRequest {
  readonly head: NamedRequest;
  readonly status: number;
  readonly reason: RequestFailure;
  /** As the caller was shown it. */
  readonly requestId: string;
}

/** @param span of the request, where it got as far as having one */
export function refusalRecord(
  connection: Connection,
  thread: number,
  { head, status, reason, requestId }: RefusedRequest,
  span: RequestSpan | undefined,
): RequestRecord {
  return {
    ...commonFields(connection, thread, head),
    requestId,
    status,
    reason,
    ...sampled(span),
    startedAt: Date.now(),
    durationMs: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
}

function commonFields(connection: Connection, thread: number, request: NamedRequest) {
  const { decision, peer, backend } = connection;
  const allowed = decision.verdict === "forward" ? decision : undefined;
  const sans =
    peer.tls?.certificate.state === "verified"
      ? peer.tls.certificate.sans.map((san) => `${san.type}:${san.value}`)
      : undefined;
  return {
    kind: "request",
    connection: connection.id,
    thread,
    port: backend.port,
    method: request.method,
    path: pathOf(request.target),
    protocol: `HTTP/${request.version}`,
    address: connection.address,
    ...(decision.policy !== undefined && { policy: decision.policy }),
    ...(allowed !== undefined && { source: allowed.source }),
    ...(allowed?.principal !== undefined && { principal: allowed.principal }),
    ...(sans !== undefined && { sans }),
  } as const;
}

function sampled(span: RequestSpan | undefined): { readonly span?: RequestSpan } {
  return span?.sampled === true ? { span } : {};
}

/** Queries may hold secrets. */
function pathOf(target: string): string {
  return target.split("?", 1)[0]!.slice(0, MAX_PATH);
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
