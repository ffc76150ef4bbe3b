/** Where a message's body ends (RFC 9112 section 6.3). Whatever could be read in two ways is refused, whoever sent it. */
import type { Fields } from "./field-lines.ts";
import { WireFault } from "./wire-fault.ts";

export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** Only a response: the end of the connection is the end of the body. */
  | { readonly kind: "close" };

const NONE: BodyFraming = { kind: "none" };
const CHUNKED: BodyFraming = { kind: "chunked" };
const CLOSE: BodyFraming = { kind: "close" };
/** As many digits as are always exact in a number. */
const LENGTH = /^\d{1,15}$/;

/** The framing that the lines declare; `undefined` when they declare none. */
function declaredFraming(fields: Fields, version: "1.0" | "1.1"): BodyFraming | WireFault | undefined {
  const { lengths, encodings } = fields;
  if (encodings > 0) {
    if (lengths > 0) return new WireFault("framing", "both Transfer-Encoding and Content-Length");
    if (version === "1.0") return new WireFault("framing", "Transfer-Encoding in HTTP/1.0");
    if (encodings > 1 || fields.encoding.toLowerCase() !== "chunked")
      return new WireFault("framing", "Transfer-Encoding other than chunked");
    return CHUNKED;
  }
  if (lengths === 0) return undefined;
  // A repeated Content-Length is refused even where its values agree: somebody before us may have joined what did not.
  if (lengths > 1) return new WireFault("framing", "more than one Content-Length");
  if (!LENGTH.test(fields.length)) return new WireFault("framing", "invalid Content-Length");
  return { kind: "length", bytes: Number(fields.length) };
}

/** A request without framing has no body. */
export function requestFraming(fields: Fields): BodyFraming | WireFault {
  return declaredFraming(fields, "1.1") ?? NONE;
}

/**
 * @param toHead the response is to HEAD: its framing is that of a body that is not sent
 * @param status a 205 is framed as any other: RFC 9112 excepts only 1xx, 204 and 304
 */
export function responseFraming(
  fields: Fields,
  version: "1.0" | "1.1",
  status: number,
  toHead: boolean,
): BodyFraming | WireFault {
  const declared = declaredFraming(fields, version);
  if (declared instanceof WireFault) return declared;
  if (toHead || status < 200 || status === 204 || status === 304) return NONE;
  return declared ?? CLOSE;
}
