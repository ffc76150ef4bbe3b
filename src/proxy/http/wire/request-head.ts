/**
 * The head of a request in the strict subset that gateways send (RFC 9112 section 3): HTTP/1.1, origin-form or the `*` of
 * OPTIONS, one Host, framing that can be read in one way only. What is outside of it may still be legal HTTP: that is for
 * another parser to say.
 */
import { requestFraming, type BodyFraming } from "./body-framing.ts";
import { hasConnectionOption, readFields, TCHAR } from "./field-lines.ts";
import { WireFault } from "./wire-fault.ts";

export interface WireRequestHead {
  readonly method: string;
  /** Origin-form or `*`, byte for byte. */
  readonly target: string;
  /** Flat name-value array, as it came. */
  readonly lines: readonly string[];
  readonly framing: BodyFraming;
  /** The caller may send another request behind this one. */
  readonly persistent: boolean;
  readonly hasUpgrade: boolean;
  readonly hasExpect: boolean;
}

/**
 * A fragment is no part of a target, and no byte above ASCII (RFC 3986). A higher minor version is read as 1.1 (RFC 9110
 * section 2.5).
 */
const REQUEST_LINE = new RegExp(`([${TCHAR}]+) (/[!"$-~]*|\\*) HTTP/1\\.[1-9]\\r\\n`, "y");

const SPARE_SPACE = /^[\r\n]*[^\r\n]*? {2}/;

/**
 * Whether the request line has several spaces in a row. Parsers that are lenient repair it, each in its own way (RFC 9112
 * section 3 and 3.2).
 * @param text latin1 of a request, from its beginning
 */
export function hasSpareSpace(text: string): boolean {
  return SPARE_SPACE.test(text);
}

/** @param text latin1, each line with its CRLF, empty line excluded */
export function parseRequestHead(text: string, maxLines: number): WireRequestHead | WireFault {
  REQUEST_LINE.lastIndex = 0;
  const match = REQUEST_LINE.exec(text);
  if (match === null || (match[2] === "*" && match[1] !== "OPTIONS"))
    return new WireFault("malformed", "the request line is not `METHOD /target HTTP/1.1`");
  const fields = readFields(text, REQUEST_LINE.lastIndex, maxLines);
  if (fields instanceof WireFault) return fields;
  if (fields.hosts !== 1) return new WireFault("malformed", "not exactly one Host");
  const framing = requestFraming(fields);
  if (framing instanceof WireFault) return framing;
  return {
    method: match[1]!,
    target: match[2]!,
    lines: fields.lines,
    framing,
    persistent: !hasConnectionOption(fields, "close"),
    hasUpgrade: fields.hasUpgrade,
    hasExpect: fields.hasExpect,
  };
}
