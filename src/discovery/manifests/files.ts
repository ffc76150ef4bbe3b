/** Finding and reading manifest files. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** A file larger than this is no manifest. */
const MAX_BYTES = 64 * 1024 * 1024;
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
 * @throws when the directory itself cannot be read
 */
export async function listManifests(
  directory: string,
  above: ReadonlySet<string> = new Set(),
): Promise<{ readonly files: readonly string[]; readonly directories: readonly string[] }> {
  const files: string[] = [];
  const directories: string[] = [directory];
  // A link to a directory above would be followed without end.
  const { dev, ino } = await stat(directory);
  const self = `${dev}:${ino}`;
  if (above.has(self)) return { files: [], directories: [] };
  const within = new Set([...above, self]);
  for (const name of (await readdir(directory)).sort()) {
    if (name.startsWith(".")) continue;
    const path = join(directory, name);
    // Follows links; a link to nowhere is no file.
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory() === true) {
      const inner = await listManifests(path, within).catch(() => ({ files: [], directories: [] }));
      files.push(...inner.files);
      directories.push(...inner.directories);
    } else if (stats?.isFile() === true && isManifest(name)) files.push(path);
  }
  return { files, directories };
}

/** `undefined` for a file that is gone. */
export async function readContent(path: string): Promise<FileContent | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    if (size > MAX_BYTES) return { path, failure: `the file has ${size} bytes; expected at most ${MAX_BYTES}` };
    return { path, text: await readFile(path, "utf8"), modifiedAt: mtimeMs };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? undefined : { path, failure: `cannot be read: ${message}` };
  }
}
