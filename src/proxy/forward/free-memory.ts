/**
 * Gives the memory of bytes back at once. The heap does not see the memory of the buffers that Node reads into, so what a bulk
 * leaves is found late, by major collections: they were a quarter of all CPU of an upload.
 */

/** What is smaller is collected while it is young. */
const LEAST_BYTES = 8_192;

/** Whether `freeMemory` does anything: the bytes are worth it, and are all of their memory. */
export function canFreeMemory(bytes: Buffer): boolean {
  return bytes.length >= LEAST_BYTES && bytes.buffer.byteLength === bytes.length && bytes.buffer instanceof ArrayBuffer;
}

/** @param bytes that nobody reads any more: where their memory is theirs alone, they are empty from here on */
export function freeMemory(bytes: Buffer): void {
  if (canFreeMemory(bytes)) (bytes.buffer as ArrayBuffer).transfer(0);
}
