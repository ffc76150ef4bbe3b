/**
 * Field lines (RFC 9112 section 5), the same for heads of both directions and for trailers: `name: value`, a token before the
 * colon and nothing between the two, no obs-fold, no bare CR or LF, no NUL or other control character but TAB.
 */
import { WireFault } from "./wire-fault.ts";

/** Field lines of one section, and those among them that say where the message and its connection end. */
export interface Fields {
  /** Flat name-value array: order, case and repetition as they came, white space around values removed. */
  readonly lines: string[];
  /** Content-Length lines, and the value of the last. */
  lengths: number;
  length: string;
  /** Transfer-Encoding lines, and the value of the last. */
  encodings: number;
  encoding: string;
  hosts: number;
  /** Every Connection line, lower-case, joined by commas. */
  connection: string;
  /** Of the last Keep-Alive line. */
  keepAlive: string;
  hasUpgrade: boolean;
  hasExpect: boolean;
}

/** Token characters (RFC 9110 section 5.6.2). */
export const TCHAR = "!#$%&'*+\\-.^_`|~0-9A-Za-z";
/**
 * The whole section in one pass. Each class excludes what follows it, so a failure costs no more than the section's length.
 */
const SECTION = new RegExp(`(?:[${TCHAR}]+:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*$`, "y");
const SPACE = 0x20;
const TAB = 0x09;

/**
 * @param text latin1, each line with its CRLF
 * @param start of the first field line
 */
export function readFields(text: string, start: number, maxLines: number): Fields | WireFault {
  SECTION.lastIndex = start;
  if (!SECTION.test(text)) return new WireFault("malformed", "a field line is not `name: value`");
  const fields: Fields = {
    lines: [],
    lengths: 0,
    length: "",
    encodings: 0,
    encoding: "",
    hosts: 0,
    connection: "",
    keepAlive: "",
    hasUpgrade: false,
    hasExpect: false,
  };
  const { lines } = fields;
  let at = start;
  while (at < text.length) {
    if (lines.length >= 2 * maxLines) return new WireFault("too-many-lines", `more than ${maxLines} field lines`);
    const colon = text.indexOf(":", at);
    const end = text.indexOf("\r\n", colon);
    const name = text.slice(at, colon);
    const value = trimmed(text, colon + 1, end);
    lines.push(name, value);
    note(fields, name, value);
    at = end + 2;
  }
  return fields;
}

/** White space around a value is no part of it (RFC 9112 section 5.1). */
function trimmed(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isSpace(text.charCodeAt(from))) from += 1;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Names are looked at only where their length can be one of these. */
function note(fields: Fields, name: string, value: string): void {
  switch (name.length) {
    case 4:
      if (name.toLowerCase() === "host") fields.hosts += 1;
      break;
    case 6:
      if (name.toLowerCase() === "expect") fields.hasExpect = true;
      break;
    case 7:
      if (name.toLowerCase() === "upgrade") fields.hasUpgrade = true;
      break;
    case 10:
      switch (name.toLowerCase()) {
        case "connection":
          fields.connection += fields.connection === "" ? value.toLowerCase() : `,${value.toLowerCase()}`;
          break;
        case "keep-alive":
          fields.keepAlive = value;
          break;
        default:
      }
      break;
    case 14:
      if (name.toLowerCase() !== "content-length") break;
      fields.lengths += 1;
      fields.length = value;
      break;
    case 17:
      if (name.toLowerCase() !== "transfer-encoding") break;
      fields.encodings += 1;
      fields.encoding = value;
      break;
    default:
  }
}

/** True when a Connection line names this option. @param option lower-case */
export function hasConnectionOption(fields: Fields, option: string): boolean {
  const { connection } = fields;
  if (connection === "") return false;
  return connection === option || connection.split(",").some((part) => part.trim() === option);
}
