/** Finding and reading manifest files. */
import { lstat, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
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

/** A manifest, or a link in the place of one. */
export interface FoundFile {
  /** As its directory shows it; the same in every generation of a mounted volume. */
  readonly path: string;
  /** Where its bytes lie; `undefined` behind a link to nowhere. */
  readonly at: string | undefined;
  /** It changes with its volume alone, and as a whole. */
  readonly mounted: boolean;
}

export interface FoundManifests {
  readonly files: readonly FoundFile[];
  /** Those in which files come and go. */
  readonly directories: readonly string[];
  /** Subdirectories that cannot be read, and why. What lies below them is not known. */
  readonly unreadable: ReadonlyMap<string, string>;
  /** By directory, for mounted volumes: the generation that it showed when it was listed. */
  readonly generations: ReadonlyMap<string, string>;
}

/**
 * Manifests of a directory and its subdirectories, sorted within each. Names that begin with a dot are passed over. Of a
 * mounted volume the generation is listed that it shows, and not the links to it: a kubelet makes and removes those when it
 * has swapped the generation.
 *
 * @throws when the directory itself cannot be read, and when it holds more than a tree of manifests can
 */
export async function listManifests(directory: string): Promise<FoundManifests> {
  const found: Listing = {
    files: [],
    directories: [],
    unreadable: new Map(),
    generations: new Map(),
    entriesLeft: MOST_ENTRIES,
  };
  await list({ path: directory, at: directory, mounted: false }, new Set(), found);
  return found;
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
  readonly files: FoundFile[];
  readonly directories: string[];
  readonly unreadable: Map<string, string>;
  readonly generations: Map<string, string>;
  entriesLeft: number;
}

interface Entry extends FoundFile {
  readonly at: string;
}

async function list(directory: Entry, above: ReadonlySet<string>, listing: Listing): Promise<void> {
  // A link to a directory above would be followed without end.
  const { dev, ino } = await stat(directory.at);
  const self = `${dev}:${ino}`;
  if (above.has(self)) return;
  const within = new Set([...above, self]);
  const entries = await entriesOf(directory, listing);
  if (!directory.mounted) listing.directories.push(directory.path);
  for (const entry of entries) {
    listing.entriesLeft -= 1;
    if (listing.entriesLeft < 0)
      throw new TooManyEntries(
        `it holds more than ${MOST_ENTRIES} files and directories: name the one with the manifests`,
      );
    // Follows links.
    const stats = await stat(entry.at).catch(() => undefined);
    if (stats?.isDirectory() === true) {
      await list(entry, within, listing).catch((error: unknown) => {
        if (error instanceof TooManyEntries) throw error;
        listing.unreadable.set(entry.path, `cannot be read: ${wordsOfFailure(error)}`);
      });
    } else if (isManifest(entry.path)) {
      if (stats?.isFile() === true) listing.files.push(entry);
      else if (stats === undefined && (await isLink(entry.at))) listing.files.push({ ...entry, at: undefined });
    }
  }
}

/** What a directory holds, and what the volume shows that is mounted there. */
async function entriesOf({ path, at, mounted }: Entry, { generations }: Listing): Promise<readonly Entry[]> {
  const generation = mounted ? undefined : await shownGeneration(at);
  const entries: Entry[] = [];
  if (generation !== undefined) {
    generations.set(path, generation);
    const content = resolve(at, generation);
    for (const name of await visibleNames(content))
      entries.push({ path: join(path, name), at: join(content, name), mounted: true });
  }
  for (const name of await visibleNames(at))
    if (generation === undefined || !(await isMounted(join(at, name))))
      entries.push({ path: join(path, name), at: join(at, name), mounted });
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function visibleNames(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => !name.startsWith("."));
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
}

/**
 * `undefined` for a file that is gone.
 * @param at where its bytes lie
 */
export async function readContent(path: string, at = path): Promise<FileContent | undefined> {
  try {
    const { mtimeMs } = await stat(at);
    return { path, text: await readTextFile(at), modifiedAt: mtimeMs };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? undefined : { path, failure: `cannot be read: ${wordsOfFailure(error)}` };
  }
}
