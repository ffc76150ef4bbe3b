/**
 * The chunked transfer coding (RFC 9112 section 7.1), strictly. Extensions are read over and bounded: they mean something to
 * one hop only (section 7.1.1), and without a bound they are a way to send for ever (CVE-2024-22019).
 */
import { readFields } from "./field-lines.ts";
import { INCOMPLETE, Section } from "./section.ts";
import { WireFault } from "./wire-fault.ts";

const CR = 0x0d;
const LF = 0x0a;
/** A chunk's size, and extensions behind it. No spaces behind a size alone: who trims them and who does not disagree. */
const SIZE_LINE = /^([0-9A-Fa-f]{1,13})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?\r\n$/;
/** Of a request: nor in front of extensions, which is bad white space (RFC 9110 section 5.6.3), and refused by Node's parser. */
const STRICT_SIZE_LINE = /^([0-9A-Fa-f]{1,13})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n$/;
const MAX_LINE_BYTES = 4_096;
/** Extensions of one message. */
const MAX_EXTENSION_BYTES = 16_384;
const EMPTY = Buffer.alloc(0);

type State = "size" | "data" | "data-end" | "trailers" | "done";

export interface TrailerLimits {
  readonly maxBytes: number;
  readonly maxLines: number;
}

/** Decodes one body. */
export class ChunkedDecoder {
  readonly #limits: TrailerLimits;
  readonly #sizeLine: RegExp;
  #state: State = "size";
  /** Of a size line that came in parts. */
  #line = "";
  /** Bytes of the chunk that are still to come, or of the line break behind it. */
  #left = 0;
  #extensionBytes = 0;
  #section: Section | undefined;
  /** What the last `read` brought: a view of its bytes, to be used or copied before they are. */
  data: Buffer = EMPTY;
  /** Flat name-value array once `done`. */
  trailers: readonly string[] = [];

  constructor(limits: TrailerLimits, message: "request" | "response") {
    this.#limits = limits;
    this.#sizeLine = message === "request" ? STRICT_SIZE_LINE : SIZE_LINE;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /**
   * Moves the data of all chunks together at the front of what was read, so that any number of small chunks is one buffer.
   *
   * @param bytes written to
   * @returns the offset behind what belongs to the body
   */
  read(bytes: Buffer, start: number): number | WireFault {
    let at = start;
    let from = start;
    let length = 0;
    while (at < bytes.length && this.#state !== "done") {
      if (this.#state === "data") {
        const size = Math.min(this.#left, bytes.length - at);
        if (length === 0) from = at;
        else bytes.copyWithin(from + length, at, at + size);
        length += size;
        at += size;
        this.#left -= size;
        if (this.#left === 0) this.#expectDataEnd();
        continue;
      }
      const next = this.#readBetween(bytes, at);
      if (next instanceof WireFault) return next;
      at = next;
    }
    this.data = length === 0 ? EMPTY : bytes.subarray(from, from + length);
    return at;
  }

  #expectDataEnd(): void {
    this.#state = "data-end";
    this.#left = 2;
  }

  #readBetween(bytes: Buffer, at: number): number | WireFault {
    switch (this.#state) {
      case "size":
        return this.#readSize(bytes, at);
      case "data-end":
        if (bytes[at] !== (this.#left === 2 ? CR : LF))
          return new WireFault("malformed", "a chunk is longer than its size");
        this.#left -= 1;
        if (this.#left === 0) this.#state = "size";
        return at + 1;
      case "trailers":
        return this.#readTrailers(bytes, at);
      case "data":
      case "done":
        return at;
    }
  }

  #readSize(bytes: Buffer, at: number): number | WireFault {
    const end = bytes.indexOf(LF, at);
    const next = end === -1 ? bytes.length : end + 1;
    if (this.#line.length + next - at > MAX_LINE_BYTES)
      return new WireFault("too-large", `chunk line above ${MAX_LINE_BYTES} bytes`);
    const line = this.#line + bytes.toString("latin1", at, next);
    if (end === -1) {
      this.#line = line;
      return next;
    }
    this.#line = "";
    const [, digits] = this.#sizeLine.exec(line) ?? [];
    if (digits === undefined) return new WireFault("malformed", "invalid chunk size");
    this.#extensionBytes += line.length - digits.length - 2;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES)
      return new WireFault("too-large", `chunk extensions above ${MAX_EXTENSION_BYTES} bytes`);
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? "trailers" : "data";
    return next;
  }

  /** The line break of the last chunk's line is read as the first of the section: no trailers, and it is empty at once. */
  #readTrailers(bytes: Buffer, at: number): number | WireFault {
    if (this.#section === undefined) {
      if (bytes[at] === CR && bytes[at + 1] === LF) {
        this.#state = "done";
        return at + 2;
      }
      this.#section = new Section(this.#limits.maxBytes + 2);
      this.#section.take(Buffer.from("\r\n"), 0);
    }
    const next = this.#section.take(bytes, at);
    if (next instanceof WireFault) return next;
    if (next === INCOMPLETE) return bytes.length;
    const fields = readFields(this.#section.text, 2, this.#limits.maxLines);
    if (fields instanceof WireFault) return fields;
    this.trailers = fields.lines;
    this.#state = "done";
    return next;
  }
}
