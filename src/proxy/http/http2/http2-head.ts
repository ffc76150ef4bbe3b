/**
 * The head of an HTTP/2 request in HTTP/1.1's terms. nghttp2 has refused what RFC 9113 section 8 forbids (upper case,
 * connection-specific lines, repeated pseudo-headers); what it lets through and HTTP/1.1 could not carry is refused here.
 */
import type { RequestHead } from "../exchange/message.ts";
import { normalAuthority, type HeadFault } from "../exchange/request-head.ts";

export interface Http2Head extends RequestHead {
  readonly hasBody: boolean;
  /** `:protocol` of an extended CONNECT (RFC 8441). */
  readonly protocol: string | undefined;
  /** Why it cannot be forwarded at all. */
  readonly fault: HeadFault | undefined;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const TOO_LARGE: HeadFault = { ok: false, status: 431, reason: "request header is too large" };
const FORBIDDEN_IN_VALUES = /[\0\r\n]/;

/** What a field counts for beside its name and value (RFC 9113 section 6.5.2). */
export const FIELD_OVERHEAD_BYTES = 32;

/**
 * @param raw flat name-value array, pseudo-headers included
 * @param maxBytes of the header list as RFC 9113 section 6.5.2 counts it
 */
export function readHttp2Head(raw: readonly string[], endStream: boolean, maxBytes: number): Http2Head {
  const pseudo = new Map<string, string>();
  const lines: string[] = [];
  const crumbs: string[] = [];
  let host: string | undefined;
  let fault: string | undefined;
  let bytes = 0;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const value = raw[index + 1]!;
    bytes += name.length + value.length + FIELD_OVERHEAD_BYTES;
    if (FORBIDDEN_IN_VALUES.test(value)) fault ??= "invalid header value";
    if (name.startsWith(":")) pseudo.set(name, value);
    else if (!TOKEN.test(name)) fault ??= "invalid header name";
    else if (name === "host") {
      if (host !== undefined && host !== value) fault ??= "more than one Host header";
      host = value;
    }
    // One line in HTTP/1.1 (RFC 9113 section 8.2.3).
    else if (name === "cookie") crumbs.push(value);
    else lines.push(name, value);
  }
  const authority = pseudo.get(":authority");
  if (authority !== undefined && host !== undefined && authority !== host) {
    const scheme = pseudo.get(":scheme") ?? "http";
    if (normalAuthority(scheme, authority) !== normalAuthority(scheme, host))
      fault ??= ":authority and Host header differ";
  }
  if (crumbs.length > 0) lines.push("cookie", crumbs.join("; "));
  const named = authority ?? host;
  return {
    method: pseudo.get(":method") ?? "",
    target: pseudo.get(":path") ?? "",
    version: "2",
    lines: named === undefined ? lines : ["host", named, ...lines],
    hasBody: !endStream,
    protocol: pseudo.get(":protocol"),
    fault: bytes > maxBytes ? TOO_LARGE : malformed(fault),
  };
}

function malformed(reason: string | undefined): HeadFault | undefined {
  return reason === undefined ? undefined : { ok: false, status: 400, reason };
}
