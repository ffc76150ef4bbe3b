/**
 * Directories as a kubelet mounts them for ConfigMaps, Secrets and projections: `..data` is a link to the directory of one
 * generation, files are links through it, and an update swaps that one link. Nobody writes to a generation that is shown.
 */
import { readlink } from "node:fs/promises";
import { join } from "node:path";

/** What is swapped to bring new content into a mounted volume: all files of it change at once. */
export const VOLUME_LINK = "..data";

/** Name of the generation that a directory shows; `undefined` for one that is no mounted volume. */
export function shownGeneration(directory: string): Promise<string | undefined> {
  return readlink(join(directory, VOLUME_LINK)).catch(() => undefined);
}

/** Whether a file is shown through the link of its volume, and so changes with it alone. */
export async function isMounted(path: string): Promise<boolean> {
  const target = await readlink(path).catch(() => "");
  return target.startsWith(`${VOLUME_LINK}/`);
}
