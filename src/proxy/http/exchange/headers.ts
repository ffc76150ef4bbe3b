/**
 * Header lines as the versions of HTTP here give and take them: flat arrays of name and value, order, case and repetition kept.
 * Pure; one pass over the lines each way.
 */

import type { RequestSpan } from "../../../telemetry/records.ts";
import { traceparentIn, traceparentOf, type NewSpan } from "./trace-context.ts";

/** A flat array: name, value, name, value. */
export type RawHeaders = readonly string[];

/** For one hop only (RFC 9110 section 7.6.1), and what proxies have added to the list. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Written by Postern or its client alone: what a caller says under these names is dropped (OSM's Envoy drops the same). */
const RESERVED = new Set([
  "x-forwarded-client-cert",
  "x-envoy-internal",
  "x-envoy-retry-on",
  "x-envoy-original-path",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-upstream-rq-timeout-ms",
]);

/** Never removed because a Connection header names them: they address and frame the message. */
const PROTECTED = new Set(["host", "content-length"]);

/** What Postern itself adds to a request. */
export interface AddedHeaders {
  readonly protocol: "http" | "https";
  /** Makes an identifier for a request that has none. */
  readonly newRequestId: () => string;
  /** Value of x-forwarded-client-cert; absent where there is nothing to say. */
  readonly clientCert: string | undefined;
  /** The application may send trailers: `te: trailers` is the one value of TE that is passed on (RFC 9113 section 8.2.2). */
  readonly trailers: boolean;
  /** Absent: trace context passes through as it came. */
  readonly newSpan: NewSpan | undefined;
}

export interface UpstreamHeaders {
  readonly lines: string[];
  readonly requestId: string;
  readonly traceparent: string | undefined;
  readonly span: RequestSpan | undefined;
  readonly userAgent: string | undefined;
}

/** Values that the Connection lines name, lower-case; `undefined` when there are none beyond `keep-alive` and `close`. */
function connectionNamed(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    for (const token of raw[index + 1]!.toLowerCase().split(",")) {
      const value = token.trim();
      if (value !== "" && value !== "keep-alive" && value !== "close" && !PROTECTED.has(value))
        (named ??= new Set()).add(value);
    }
  }
  return named;
}

/**
 * Lines for the application. Underscores count as dashes where a name is reserved: applications behind CGI-like servers
 * read both as one (CVE-2014-0099's class; nginx drops such names for the same reason).
 *
 * @param hasBody a body without a length gets its framing from the client of the application; a request without body has no framing
 */
export function upstreamHeaders(raw: RawHeaders, hasBody: boolean, added: AddedHeaders): UpstreamHeaders {
  const named = connectionNamed(raw);
  const span = added.newSpan?.(traceparentIn(raw));
  const lines: string[] = [];
  let requestId: string | undefined;
  let traceparent: string | undefined;
  let userAgent: string | undefined;
  let hasProtocol = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const value = raw[index + 1]!;
    const lower = name.toLowerCase();
    if (lower === "te" && added.trailers && value.trim().toLowerCase() === "trailers") {
      lines.push("te", "trailers");
      continue;
    }
    if (HOP_BY_HOP.has(lower) || lower === "expect" || named?.has(lower) === true) continue;
    if (lower === "content-length" && !hasBody) continue;
    if (lower.startsWith("x") && RESERVED.has(lower.replaceAll("_", "-"))) continue;
    if (span !== undefined && isReplaced(lower, span)) continue;
    if (lower === "x-request-id") {
      if (value === "") continue;
      requestId ??= value;
    } else if (lower === "x-forwarded-proto") hasProtocol = true;
    else if (lower === "traceparent") traceparent = value;
    else if (lower === "user-agent") userAgent = value;
    lines.push(name, value);
  }
  if (!hasProtocol) lines.push("x-forwarded-proto", added.protocol);
  if (requestId === undefined) {
    requestId = added.newRequestId();
    lines.push("x-request-id", requestId);
  }
  if (span !== undefined) {
    traceparent = traceparentOf(span);
    lines.push("traceparent", traceparent);
  }
  if (added.clientCert !== undefined) lines.push("x-forwarded-client-cert", added.clientCert);
  return { lines, requestId, traceparent, span, userAgent };
}

/** The identifier that a caller gave its request. */
export function requestIdIn(raw: RawHeaders): string | undefined {
  for (let index = 0; index < raw.length; index += 2)
    if (raw[index]!.length === 12 && raw[index]!.toLowerCase() === "x-request-id" && raw[index + 1] !== "")
      return raw[index + 1];
  return undefined;
}

/** Our span becomes the parent; the state of a trace that could not be continued is nobody's (Trace Context section 4.3). */
function isReplaced(name: string, span: RequestSpan): boolean {
  return name === "traceparent" || (name === "tracestate" && span.parentId === undefined);
}

export interface DownstreamHeaders {
  readonly lines: string[];
  /** The application declared a length of zero. */
  readonly empty: boolean;
  /** An event stream never ends by itself. */
  readonly endless: boolean;
}

/** Why a response cannot be passed on: its framing could be read in two ways. */
export type FramingFault =
  | "response with Transfer-Encoding other than chunked"
  | "response with both Transfer-Encoding and Content-Length"
  | "response with several Content-Length";

/**
 * Lines for the caller. A response that can have no body declares no length (RFC 9110 section 8.6: 1xx and 204), and a 426 keeps
 * what it asks for (section 15.5.22).
 * @param upgradable the caller speaks HTTP/1.1, which alone knows Upgrade
 */
export function downstreamHeaders(
  raw: RawHeaders,
  status: number,
  upgradable: boolean,
): DownstreamHeaders | FramingFault {
  const named = connectionNamed(raw);
  const lines: string[] = [];
  let lengths = 0;
  let encodings = 0;
  let endless = false;
  let empty = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const value = raw[index + 1]!;
    const lower = name.toLowerCase();
    // Pseudo-headers of an application that speaks HTTP/2.
    if (lower.startsWith(":")) continue;
    if (lower === "transfer-encoding") {
      encodings += 1;
      if (value.trim().toLowerCase() !== "chunked" || encodings > 1)
        return "response with Transfer-Encoding other than chunked";
      continue;
    }
    if (HOP_BY_HOP.has(lower) || named?.has(lower) === true) {
      if (status === 426 && upgradable && lower === "upgrade") lines.push(name, value);
      continue;
    }
    if (lower === "content-length") {
      lengths += 1;
      empty = value === "0";
      if (status < 200 || status === 204) continue;
    } else if (lower === "content-type" && value.startsWith("text/event-stream")) endless = true;
    lines.push(name, value);
  }
  if (lengths > 1) return "response with several Content-Length";
  if (lengths > 0 && encodings > 0) return "response with both Transfer-Encoding and Content-Length";
  return { lines, empty, endless };
}

/** Request trailers that could pass for what a head says of routing, of its sender or of the body (RFC 9110 section 6.5.1). */
const HEAD_ONLY =
  /^(?:host|expect|cookie|authorization|forwarded|range|max-forwards|cache-control|(?:if|content|x-forwarded)-.*)$/;

/**
 * Trailers of a request, for the application. @param head lines of its head, which may name fields that are for one hop only
 */
export function upstreamTrailers(trailers: RawHeaders, head: RawHeaders): RawHeaders {
  if (trailers.length === 0) return trailers;
  const named = connectionNamed(head);
  const kept: string[] = [];
  for (let index = 0; index < trailers.length; index += 2) {
    const lower = trailers[index]!.toLowerCase();
    const dashed = lower.replaceAll("_", "-");
    if (lower.startsWith(":") || HOP_BY_HOP.has(dashed) || RESERVED.has(dashed) || HEAD_ONLY.test(dashed)) continue;
    if (named?.has(lower) === true) continue;
    kept.push(lower, trailers[index + 1]!);
  }
  return kept;
}

/** Trailers must not change how the message is framed, routed or trusted (RFC 9110 section 6.5.1). */
export function downstreamTrailers(trailers: RawHeaders): RawHeaders {
  const kept: string[] = [];
  for (let index = 0; index < trailers.length; index += 2) {
    const lower = trailers[index]!.toLowerCase();
    if (lower.startsWith(":") || HOP_BY_HOP.has(lower)) continue;
    if (PROTECTED.has(lower) || lower === "set-cookie" || lower === "content-type") continue;
    kept.push(lower, trailers[index + 1]!);
  }
  return kept;
}
