/**
 * Gives the memory of bytes back as soon as they are written. The heap does not see the memory of the buffers that Node reads
 * into, so what a bulk leaves is found late, by major collections: they were a quarter of all CPU of an upload.
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
