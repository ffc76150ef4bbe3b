/** Finding and reading manifest files. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
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
export function listManifests(directory: string): Promise<Found> {
  return list(directory, new Set(), { entriesLeft: MOST_ENTRIES });
}

interface Found {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

class TooManyEntries extends Error {
  override readonly name = "TooManyEntries";
}

async function list(directory: string, above: ReadonlySet<string>, budget: { entriesLeft: number }): Promise<Found> {
  const files: string[] = [];
  const directories: string[] = [directory];
  // A link to a directory above would be followed without end.
  const { dev, ino } = await stat(directory);
  const self = `${dev}:${ino}`;
  if (above.has(self)) return { files: [], directories: [] };
  const within = new Set([...above, self]);
  for (const name of (await readdir(directory)).sort()) {
    if (name.startsWith(".")) continue;
    budget.entriesLeft -= 1;
    if (budget.entriesLeft < 0)
      throw new TooManyEntries(
        `it holds more than ${MOST_ENTRIES} files and directories: name the one with the manifests`,
      );
    const path = join(directory, name);
    // Follows links; a link to nowhere is no file.
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory() === true) {
      const inner = await list(path, within, budget).catch((error: unknown) => {
        if (error instanceof TooManyEntries) throw error;
        return { files: [], directories: [] };
      });
      files.push(...inner.files);
      directories.push(...inner.directories);
    } else if (stats?.isFile() === true && isManifest(name)) files.push(path);
  }
  return { files, directories };
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
