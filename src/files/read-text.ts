/** Reads a file that somebody has named, whatever stands there: it may have no end, or nothing to give. */
import { constants, type Stats } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** No file of ours comes near. */
const MOST_BYTES = 2 ** 26;
const CHUNK_BYTES = 2 ** 16;
/** How long the writer of a pipe may write nothing. */
const SILENCE_MS = 60_000;
const LOOK_AGAIN_MS = 20;

/** False for what may never end or never begin: a device, or a pipe that has no writer by its nature. */
export function isText(path: string, stats: Stats): boolean {
  // What a shell gives for `<(command)`.
  return stats.isFile() || (stats.isFIFO() && path.startsWith("/dev/fd/"));
}

/**
 * Never waits for content: a file of the kernel that gives some only when something happens (`/proc/kmsg`) is refused, and a
 * pipe whose writer is silent is given up. A file system that does not respond at all is waited for.
 *
 * @param most bytes that are read
 * @param silenceMs how long the writer of a pipe may write nothing
 * @throws in words, with what `fs` says; also where `isText` is false
 */
export async function readTextFile(
  path: string,
  {
    most = MOST_BYTES,
    encoding = "utf8",
    silenceMs = SILENCE_MS,
  }: { readonly most?: number; readonly encoding?: "utf8" | "latin1"; readonly silenceMs?: number } = {},
): Promise<string> {
  // Before it is opened: some devices do something when they are.
  const stats = await stat(path);
  if (!isText(path, stats) && !stats.isDirectory()) throw new Error("it is no file but a device, pipe or socket");
  if (stats.size > most) throw tooLong(stats.size, most);
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return (await readToEnd(file, most, stats.isFIFO() ? silenceMs : 0)).toString(encoding);
  } finally {
    await file.close();
  }
}

async function readToEnd(file: FileHandle, most: number, silenceMs: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  let lastByteAt = performance.now();
  for (;;) {
    const chunk = await readChunk(file);
    if (chunk === undefined) {
      if (performance.now() - lastByteAt >= silenceMs) throw new Error(wordsOfSilence(silenceMs));
      await delay(LOOK_AGAIN_MS);
      continue;
    }
    if (chunk.length === 0) return Buffer.concat(chunks);
    lastByteAt = performance.now();
    length += chunk.length;
    if (length > most) throw tooLong(`more than ${most}`, most);
    chunks.push(chunk);
  }
}

/** @returns `undefined` where there is nothing yet */
async function readChunk(file: FileHandle): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, null);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

function wordsOfSilence(silenceMs: number): string {
  return silenceMs === 0
    ? "it is a file of the kernel that has no end: expected a file that can be read to its end"
    : `its writer has written nothing for ${silenceMs / 1_000} s, and has not closed it`;
}

function tooLong(has: number | string, most: number): Error {
  return new Error(`it has ${has} bytes, and ${most} are the most that is read`);
}
