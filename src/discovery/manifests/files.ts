/** Finding and reading manifest files. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMounted, shownGeneration } from "../../files/mounted-volume.ts";
import { wordsOfFailure } from "../../files/words-of-failure.ts";
import { readTextFile } from "../../files/read-text.ts";

/** No tree of manifests has more; one that has is another one than was meant. */
const MOST_ENTRIES = 100_000;
const MANIFEST = /\.(?:ya?ml|json)$/i;

/** What a file holds now; a file that is there but cannot be read has a failure. */
export type FileContent =
  | { readonly path: string; readonly text: string; readonly modifiedAt: number }
  | { readonly path: string; readonly failure: string };

function isManifest(name: string): boolean {
  return MANIFEST.test(name);
}

/**
 * Manifest files of a directory and its subdirectories, sorted. Names that begin with a dot are passed over: a ConfigMap
 * volume keeps its generations in `..data` and links to them.
 *
 * @throws when the directory itself cannot be read, and when it holds more than a tree of manifests can
 */
export async function listManifests(directory: string): Promise<FoundManifests> {
  const found = { files: [], directories: [], mounted: new Set<string>(), generations: new Map<string, string>() };
  await list(directory, new Set(), { found, entriesLeft: MOST_ENTRIES });
  return found;
}

export interface FoundManifests {
  readonly files: readonly string[];
  readonly directories: readonly string[];
  /** Those of the files that lie in a mounted volume: they change as a whole, with all others of it. */
  readonly mounted: ReadonlySet<string>;
  /** By directory, for mounted volumes: the generation that it showed when it was listed. */
  readonly generations: ReadonlyMap<string, string>;
}

/** Whether every mounted volume shows what it showed when it was listed; else files of two generations may have been read. */
export async function showTheSame(generations: FoundManifests["generations"]): Promise<boolean> {
  for (const [directory, generation] of generations)
    if ((await shownGeneration(directory)) !== generation) return false;
  return true;
}

class TooManyEntries extends Error {
  override readonly name = "TooManyEntries";
}

interface Listing {
  readonly found: {
    readonly files: string[];
    readonly directories: string[];
    readonly mounted: Set<string>;
    readonly generations: Map<string, string>;
  };
  entriesLeft: number;
}

async function list(directory: string, above: ReadonlySet<string>, listing: Listing): Promise<void> {
  const { files, directories, mounted, generations } = listing.found;
  // A link to a directory above would be followed without end.
  const { dev, ino } = await stat(directory);
  const self = `${dev}:${ino}`;
  if (above.has(self)) return;
  const within = new Set([...above, self]);
  const generation = await shownGeneration(directory);
  const names = (await readdir(directory)).sort();
  directories.push(directory);
  if (generation !== undefined) generations.set(directory, generation);
  for (const name of names) {
    if (name.startsWith(".")) continue;
    listing.entriesLeft -= 1;
    if (listing.entriesLeft < 0)
      throw new TooManyEntries(
        `it holds more than ${MOST_ENTRIES} files and directories: name the one with the manifests`,
      );
    const path = join(directory, name);
    // Follows links; a link to nowhere is no file.
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory() === true) {
      await list(path, within, listing).catch((error: unknown) => {
        if (error instanceof TooManyEntries) throw error;
      });
    } else if (stats?.isFile() === true && isManifest(name)) {
      files.push(path);
      if (generation !== undefined && (await isMounted(path))) mounted.add(path);
    }
  }
}

/** `undefined` for a file that is gone. */
export async function readContent(path: string): Promise<FileContent | undefined> {
  try {
    const { mtimeMs } = await stat(path);
    return { path, text: await readTextFile(path), modifiedAt: mtimeMs };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? undefined : { path, failure: `cannot be read: ${wordsOfFailure(error)}` };
  }
}
