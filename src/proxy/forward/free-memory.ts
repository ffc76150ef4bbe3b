/**
 * Frees the memory of large buffers as soon as they are written. V8's heap does not count that memory, so garbage collection
 * frees it late and by major collections, which cost a quarter of the CPU of an upload.
 */
import type { Release } from "./read-buffers.ts";

/** What is smaller is collected while it is young. */
const LEAST_BYTES = 8_192;

/**
 * @returns what empties the bytes, for when nobody reads them any more; `undefined` where they are not worth it, or others may
 * read the same memory
 */
export function releaseOf({ buffer, length }: Buffer): Release | undefined {
  if (length < LEAST_BYTES || buffer.byteLength !== length || !(buffer instanceof ArrayBuffer)) return undefined;
  return () => void buffer.transfer(0);
}
