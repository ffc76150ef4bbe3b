/**
 * Whether the beginning of a head can still become one of the strict subset. What cannot is told at once, and not when the
 * time for the rest is up.
 */
import { TCHAR } from "./field-lines.ts";

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DEL = 0x7f;
/** Complete lines: the first of a request, then fields. */
const FIRST_LINE = new RegExp(`^[${TCHAR}]+ [!-~\\x80-\\xff]+ HTTP/1\\.[1-9]\\r\\n$`);
const FIELD_LINES = new RegExp(`^(?:[${TCHAR}]+:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*$`);
/** The first line as far as it has come. */
const FIRST_LINE_BEGUN = new RegExp(`^[${TCHAR}]*(?: [!-~\\x80-\\xff]*(?: [HTP/1-9.]{0,8}\\r?)?)?$`);

/** Looks at each byte of one head once, however small the parts are in which it comes. */
export class PartialHead {
  #seen = 0;
  /** Behind the last complete line. */
  #line = 0;

  /** @param bytes of the head so far, from its beginning */
  plausible(bytes: Buffer): boolean {
    const from = this.#seen;
    this.#seen = bytes.length;
    let end = this.#line;
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at]!;
      if (byte === LF) end = at + 1;
      else if (at > 0 && bytes[at - 1] === CR) return false;
      if ((byte < SPACE && byte !== TAB && byte !== CR && byte !== LF) || byte === DEL) return false;
    }
    return this.#areLines(bytes, end);
  }

  #areLines(bytes: Buffer, end: number): boolean {
    let start = this.#line;
    this.#line = end;
    if (end === 0) return bytes.length > 256 || FIRST_LINE_BEGUN.test(bytes.toString("latin1"));
    if (start === end) return true;
    if (start === 0) {
      start = bytes.indexOf(LF) + 1;
      if (!FIRST_LINE.test(bytes.toString("latin1", 0, start))) return false;
    }
    return FIELD_LINES.test(bytes.toString("latin1", start, end));
  }
}
