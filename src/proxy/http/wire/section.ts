/**
 * Collects a section that ends with an empty line: a head, or the trailers of a chunked body. The verdict is the same at
 * whatever bytes the section was split.
 */
import { WireFault } from "./wire-fault.ts";

const LF = 0x0a;
const CR = 0x0d;
const SECTION_END = "\r\n\r\n";
/** Most sections end within these. */
const USUAL_BYTES = 4_096;
const FIRST_CAPACITY = 1_024;
const NOTHING = Buffer.alloc(0);

/** No end yet: what was given is kept, and more is needed. */
export const INCOMPLETE = -1;

export class Section {
  readonly #maxBytes: number;
  /** What has come of a section in several parts; grows by doubling, so that a byte at a time costs no more than all at once. */
  #kept: Buffer | undefined;
  #length = 0;
  /** Of what is kept, what came before the last `take`. */
  #earlier = 0;
  /** The section that has ended, empty line excluded, each line with its CRLF. */
  text = "";

  /** @param maxBytes of the section, empty line included */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True when part of a section has come. */
  get begun(): boolean {
    return this.#length > 0;
  }

  /** What has come of a section that has not ended. */
  get kept(): Buffer {
    return this.#kept === undefined ? NOTHING : this.#kept.subarray(0, this.#length);
  }

  /** @returns the offset behind the section, whose text is in `text` then; `INCOMPLETE`; or why it can be none */
  take(bytes: Buffer, start: number): number | WireFault {
    if (this.#length === 0) {
      // As text at once: looking for the end in the bytes first is a second call into native code for each message.
      const text = bytes.toString("latin1", start, start + Math.min(this.#maxBytes, USUAL_BYTES));
      const end = text.indexOf(SECTION_END);
      if (end !== -1) {
        this.text = text.slice(0, end + 2);
        return start + end + SECTION_END.length;
      }
    }
    return this.#takePart(bytes, start);
  }

  /**
   * What came of a section that did not end, or was refused, for somebody else to read.
   * @param bytes of the last `take` @param start as it was given then
   */
  untaken(bytes: Buffer, start: number): Buffer {
    const last = bytes.subarray(start);
    if (this.#kept === undefined || this.#earlier === 0) return last;
    return Buffer.concat([this.#kept.subarray(0, this.#earlier), last]);
  }

  #takePart(bytes: Buffer, start: number): number | WireFault {
    const before = this.#length;
    this.#earlier = before;
    // One byte above the limit is enough to know.
    const added = Math.min(bytes.length - start, this.#maxBytes + 1 - before);
    const kept = this.#reserve(before + added);
    bytes.copy(kept, before, start, start + added);
    this.#length = before + added;
    const found = kept.subarray(0, this.#length).indexOf(SECTION_END, Math.max(0, before - SECTION_END.length + 1));
    const end = found === -1 ? this.#length : found + SECTION_END.length;
    // An end of lines by LF alone would be waited for until the time is up.
    if (hasBareLineFeed(kept, before, Math.min(end, this.#maxBytes)))
      return new WireFault("malformed", "a line ends without CR");
    if (end > this.#maxBytes) return new WireFault("too-large", `head or trailers above ${this.#maxBytes} bytes`);
    if (found === -1) return INCOMPLETE;
    this.text = kept.toString("latin1", 0, found + 2);
    this.#kept = undefined;
    this.#length = 0;
    return start + end - before;
  }

  #reserve(length: number): Buffer {
    const kept = this.#kept;
    if (kept !== undefined && kept.length >= length) return kept;
    const larger = Buffer.allocUnsafe(Math.max(FIRST_CAPACITY, 2 * length));
    kept?.copy(larger, 0, 0, this.#length);
    this.#kept = larger;
    return larger;
  }
}

function hasBareLineFeed(bytes: Buffer, from: number, end: number): boolean {
  for (let at = bytes.indexOf(LF, from); at !== -1 && at < end; at = bytes.indexOf(LF, at + 1))
    if (at === 0 || bytes[at - 1] !== CR) return true;
  return false;
}
