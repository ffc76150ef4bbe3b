/** Messages as HTTP/1.1 writes them: strings of latin1, so that a small one is one write. */
import { TCHAR } from "./field-lines.ts";
import { WireFault } from "./wire-fault.ts";

export interface EncodableHead {
  readonly method: string;
  /** Origin-form, or `*` of OPTIONS. */
  readonly target: string;
  /** Flat name-value array; with a Content-Length line exactly where `framing` is `length`. */
  readonly lines: readonly string[];
  readonly framing: "none" | "length" | "chunked";
}

const METHOD = new RegExp(`^[${TCHAR}]+$`);
const TARGET = /^\/[!"$-~\x80-\xff]*$/;
/** What cannot stand in a value. Above 0xff a character would be cut to its low byte, which may be a line break. */
const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
export const LAST_CHUNK = "0\r\n\r\n";
/**
 * Up to here head and body, or a chunk and its frame, are joined into one string: a copy costs less than a second buffer to
 * write or to encrypt, and its memory is seen by the heap.
 */
export const JOINED_BYTES = 16_384;

/**
 * Every head is judged before it gets here; what is checked again is what would make two requests of one.
 *
 * @param authority the Host of a request that came without one, which HTTP/1.0 allows and HTTP/1.1 does not
 */
export function encodeRequestHead(
  { method, target, lines, framing }: EncodableHead,
  authority: string,
): string | WireFault {
  if (!METHOD.test(method)) return new WireFault("malformed", "a method that is no token");
  if (!TARGET.test(target) && !(target === "*" && method === "OPTIONS"))
    return new WireFault("malformed", "a target that is not origin-form");
  const fields = encodeFields(lines);
  if (typeof fields !== "string") return fields;
  const host = hasHost(lines) ? "" : `host: ${authority}\r\n`;
  const head = `${method} ${target} HTTP/1.1\r\n${host}${fields}connection: keep-alive\r\n`;
  switch (framing) {
    case "chunked":
      return `${head}transfer-encoding: chunked\r\n\r\n`;
    case "none":
      return expectsContent(method) ? `${head}content-length: 0\r\n\r\n` : `${head}\r\n`;
    case "length":
      return `${head}\r\n`;
  }
}

/** @param data latin1 of the chunk's bytes, not empty: an empty chunk ends the body */
export function encodeChunk(data: string): string {
  return `${data.length.toString(16)}\r\n${data}\r\n`;
}

/** The end of a chunked body. @param trailers flat name-value array */
export function encodeLastChunk(trailers: readonly string[]): string | WireFault {
  if (trailers.length === 0) return LAST_CHUNK;
  const fields = encodeFields(trailers);
  return typeof fields === "string" ? `0\r\n${fields}\r\n` : fields;
}

/** Field lines, each with its CRLF. @param lines flat name-value array */
export function encodeFields(lines: readonly string[]): string | WireFault {
  let text = "";
  for (let index = 0; index < lines.length; index += 2) {
    const name = lines[index]!;
    const value = lines[index + 1]!;
    if (!METHOD.test(name)) return new WireFault("malformed", "a field name that is no token");
    if (FORBIDDEN_IN_VALUE.test(value))
      return new WireFault("malformed", `characters in ${name} that no field can hold`);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

function hasHost(lines: readonly string[]): boolean {
  for (let index = 0; index < lines.length; index += 2)
    if (lines[index]!.length === 4 && lines[index]!.toLowerCase() === "host") return true;
  return false;
}

/** For these a missing length is not the same as none (RFC 9110 section 8.6). */
function expectsContent(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
