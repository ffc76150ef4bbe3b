/**
 * What the connections to an application read into: one buffer for all of them, as long as responses are small and copied out
 * of it. A connection whose response comes in large parts reads into buffers of its own, which are lent to whoever writes them
 * on and come back when they are written: neither copied nor made anew for each part.
 */
const READ_BYTES = 65_536;
/** A read of so many bytes is worth a buffer. */
const LARGE_BYTES = 32_768;
/** Kept for the next ones that need some; the others are garbage. */
const KEPT_BUFFERS = 16;

/** The buffers of one thread's connections to one application. */
export class ReadBuffers {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  }

  /** @param buffer nobody reads or writes any more */
  give(buffer: Buffer): void {
    if (this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
  }
}

/** Says when the bytes that were lent are read no more. Not called: they are garbage some day. */
export type Release = () => void;

/** What one connection reads into. */
export class ReadBuffer {
  readonly #buffers: ReadBuffers;
  #own: Buffer | undefined;
  #lent = false;
  #isLarge = false;
  #begun = false;

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
  }

  /** Called before the first read and after each. @returns what the next read fills; `undefined`: the same as the last */
  next(): Buffer | undefined {
    const own = this.#own;
    if (this.#isLarge && (own === undefined || this.#lent)) {
      this.#lent = false;
      return (this.#own = this.#buffers.take());
    }
    if (!this.#isLarge && own !== undefined) {
      if (!this.#lent) this.#buffers.give(own);
      this.#own = undefined;
      this.#lent = false;
      return this.#buffers.shared;
    }
    if (this.#begun) return undefined;
    this.#begun = true;
    return this.#buffers.shared;
  }

  /**
   * @param data a view of what the last read filled
   * @returns `undefined` where it has to be copied: the next read may write over it
   */
  lend(data: Buffer): Release | undefined {
    if (data.length < LARGE_BYTES || this.#lent) return undefined;
    this.#isLarge = true;
    const own = this.#own;
    if (own === undefined || data.buffer !== own.buffer) return undefined;
    this.#lent = true;
    return () => this.#buffers.give(own);
  }

  /** The response is over. */
  rest(): void {
    this.#isLarge = false;
  }
}
