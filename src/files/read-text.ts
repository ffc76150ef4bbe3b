/** Reads a file that somebody has named. */
import type { Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";

/** No file of ours comes near. */
const MOST_BYTES = 2 ** 26;

/** False for what may never end or never begin: a device, or a pipe that has no writer by its nature. */
export function isText(path: string, stats: Stats): boolean {
  // What a shell gives for `<(command)`.
  return stats.isFile() || (stats.isFIFO() && path.startsWith("/dev/fd/"));
}

/**
 * @param most bytes that are read
 * @throws in words, with what `fs` says; also where `isText` is false
 */
export async function readTextFile(
  path: string,
  { most = MOST_BYTES, encoding = "utf8" }: { readonly most?: number; readonly encoding?: "utf8" | "latin1" } = {},
): Promise<string> {
  const stats = await stat(path);
  if (!isText(path, stats) && !stats.isDirectory()) throw new Error("it is no file but a device, pipe or socket");
  if (stats.size > most) throw new Error(`it has ${stats.size} bytes, and ${most} are the most that is read`);
  return readFile(path, encoding);
}
