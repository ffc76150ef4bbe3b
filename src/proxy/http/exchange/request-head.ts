/**
 * The head of a request after the parser of its version: what that leaves open is decided here, before anything is sent.
 */
import type { RawHeaders } from "./headers.ts";
import type { HttpVersion, RequestHead } from "./message.ts";

/** A head that may be forwarded. */
export interface CleanHead {
  readonly ok: true;
  /** Origin-form, byte for byte as it came; or the `*` of OPTIONS. */
  readonly path: string;
  /** Of an absolute-form target without a Host line beside it, in whose place it stands (RFC 9112 section 3.2.2). */
  readonly authority: string | undefined;
  /** Of HTTP/1.1 by its framing; of HTTP/2 only the stream itself knows. */
  readonly hasBody: boolean;
  readonly grpc: boolean;
  /** `Expect: 100-continue`, which is answered here and never passed on. */
  readonly expectsContinue: boolean;
}

export interface HeadFault {
  readonly ok: false;
  readonly status: 400 | 404 | 405 | 417 | 431 | 501 | 505;
  /** One line for humans. */
  readonly reason: string;
}

/** RFC 9112 section 3.2 and RFC 3986 section 3.2: a host or a bracketed address, and a port; no user information. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::\d{0,5})?$/;
/** Origin-form without fragment, space or control character; bytes above ASCII pass as they are. */
const ORIGIN_FORM = /^\/[!"$-~\x80-\xff]*$/;
const ABSOLUTE_FORM = /^(https?):\/\/([^/?#]+)([^#]*)$/i;
/** gRPC over HTTP2, section Requests; gRPC-Web is another protocol, which HTTP/1.1 carries as well. */
const GRPC = /^application\/grpc(?:\+[^;\s]*)?\s*(?:;|$)/;
const VERSIONS: ReadonlySet<string> = new Set<HttpVersion>(["1.0", "1.1", "2"]);
const DIGITS = /^\d+$/;

interface Framing {
  host: string | undefined;
  hosts: number;
  lengths: number;
  length: string | undefined;
  encodings: number;
  encoding: string | undefined;
  contentType: string | undefined;
  expect: string | undefined;
}

export function judgeHead(head: RequestHead, maxHeaders: number): CleanHead | HeadFault {
  const { method, target, lines, version } = head;
  // Node's parser lets any single digits pass.
  if (!VERSIONS.has(version)) return fault(505, "HTTP version is not served");
  if (lines.length / 2 > maxHeaders) return fault(431, "too many header lines");
  const framing = readFraming(lines);
  const framingFault = judgeFraming(framing, version);
  if (framingFault !== undefined) return framingFault;
  if (framing.hosts > 1) return fault(400, "more than one Host header");
  if (framing.host !== undefined && !HOST.test(framing.host)) return fault(400, "invalid Host header");
  if (framing.host === undefined && version !== "1.0") return fault(400, "missing Host header");
  if (framing.expect !== undefined && framing.expect !== "100-continue")
    return fault(417, "Expect other than 100-continue");
  const path = originForm(method, target, framing.host);
  if (typeof path !== "string") return path;
  const authority = framing.host === undefined ? ABSOLUTE_FORM.exec(target)?.[2] : undefined;
  if (authority !== undefined && !HOST.test(authority)) return fault(400, "invalid request target");
  return {
    ok: true,
    path,
    authority,
    hasBody: head.hasBody ?? (framing.encodings > 0 || (framing.length !== undefined && Number(framing.length) > 0)),
    grpc: framing.contentType !== undefined && GRPC.test(framing.contentType),
    // HTTP/1.0 knows no informational responses (RFC 9110 section 10.1.1).
    expectsContinue: framing.expect !== undefined && version !== "1.0",
  };
}

function fault(status: HeadFault["status"], reason: string): HeadFault {
  return { ok: false, status, reason };
}

function readFraming(raw: RawHeaders): Framing {
  const framing: Framing = {
    host: undefined,
    hosts: 0,
    lengths: 0,
    length: undefined,
    encodings: 0,
    encoding: undefined,
    contentType: undefined,
    expect: undefined,
  };
  for (let index = 0; index < raw.length; index += 2) {
    const value = raw[index + 1]!;
    switch (raw[index]!.toLowerCase()) {
      case "host":
        framing.hosts += 1;
        framing.host = value;
        break;
      case "content-length":
        framing.lengths += 1;
        framing.length = value.trim();
        break;
      case "transfer-encoding":
        framing.encodings += 1;
        framing.encoding = value.trim().toLowerCase();
        break;
      case "content-type":
        framing.contentType = value.toLowerCase();
        break;
      case "expect":
        framing.expect = value.trim().toLowerCase();
        break;
      default:
    }
  }
  return framing;
}

/** A message whose end could be found in two ways is refused: the application might find the other one (RFC 9112 section 6). */
function judgeFraming({ lengths, length, encodings, encoding }: Framing, version: HttpVersion): HeadFault | undefined {
  if (lengths > 1) return fault(400, "more than one Content-Length header");
  if (length !== undefined && !DIGITS.test(length)) return fault(400, "invalid Content-Length header");
  if (encodings === 0) return undefined;
  if (lengths > 0) return fault(400, "both Transfer-Encoding and Content-Length");
  if (version !== "1.1") return fault(400, `Transfer-Encoding in HTTP/${version}`);
  if (encodings > 1) return fault(400, "more than one Transfer-Encoding header");
  return encoding === "chunked" ? undefined : fault(501, "Transfer-Encoding other than chunked");
}

function originForm(method: string, target: string, host: string | undefined): string | HeadFault {
  if (method === "CONNECT") return fault(405, "CONNECT is not served");
  // About the server itself, which is the application (RFC 9112 section 3.2.4).
  if (target === "*") return method === "OPTIONS" ? target : fault(404, "no such resource");
  if (ORIGIN_FORM.test(target)) return target;
  const [, scheme, authority, rest = ""] = ABSOLUTE_FORM.exec(target) ?? [];
  if (scheme === undefined || authority === undefined) return fault(400, "invalid request target");
  // RFC 9112 section 3.2.2 lets the target win. Refused, since the gateway may have routed by the other one.
  if (host !== undefined && normalAuthority(scheme, authority) !== normalAuthority(scheme, host))
    return fault(400, "request target and Host header differ");
  // Whoever is last on the way says it in asterisk-form (RFC 9112 section 3.2.4).
  if (rest === "" && method === "OPTIONS") return "*";
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  return ORIGIN_FORM.test(path) ? path : fault(400, "invalid request target");
}

/** Without the port that the scheme implies, and in lower case (RFC 3986 sections 6.2.2.1 and 6.2.3). */
export function normalAuthority(scheme: string, authority: string): string {
  const implied = scheme.toLowerCase() === "https" ? ":443" : ":80";
  const lower = authority.toLowerCase();
  if (lower.endsWith(":")) return lower.slice(0, -1);
  return lower.endsWith(implied) ? lower.slice(0, -implied.length) : lower;
}
