/**
 * What a directory of manifests says: the objects of every file, the last good ones where a file is present but broken.
 * Judged anew whenever it is read; whoever watches decides when.
 */
import { join, sep } from "node:path";
import { readManifest, type ManifestFault, type ManifestObject } from "./documents.ts";
import { listManifests, readContent, showTheSame, type FileContent } from "./files.ts";

/** A file that is there and cannot be used. */
export interface BrokenFile extends ManifestFault {
  /** It had good content before, which stays in force; else nothing of it is. */
  readonly lastGood: boolean;
}

/** What is in force in the place of a broken file. */
export function wordsOfLastGood({ lastGood }: BrokenFile): string {
  return lastGood ? "its last good content stays in force" : "it never had good content, and nothing of it is in force";
}

export interface DirectoryReading {
  /** Objects of all files, in order of path. */
  readonly objects: readonly ManifestObject[];
  /** True when something differs from the last reading. */
  readonly changed: boolean;
  /** Faults that were not there at the last reading. */
  readonly newFaults: readonly BrokenFile[];
  /** Files whose fault is gone. */
  readonly mended: readonly string[];
  /** Directories that were read. */
  readonly directories: readonly string[];
  /** True when a file was passed over because it is being written: read again soon. */
  readonly unsettled: boolean;
}

/** A file that was written to this recently may be half written: whole documents could be missing without a fault. */
const SETTLE_MS = 60;
/** A file that is written to without a pause is judged all the same after this long. */
const LONGEST_WRITE_MS = 500;
/** Readings that are begun anew because a mounted volume was swapped meanwhile; a kubelet does so once in a minute. */
const MOST_TRIES = 10;
const LINK_TO_NOWHERE = "cannot be read: it is a link to nowhere";

interface FileState {
  readonly content: string;
  readonly objects: readonly ManifestObject[];
  readonly fault?: BrokenFile;
  /** When the file was first found being written, as long as it is. */
  readonly unsettledSince?: number;
}

interface Reading {
  readonly next: ReadonlyMap<string, FileState>;
  readonly directories: readonly string[];
}

export class ManifestDirectory {
  readonly #path: string;
  #files: ReadonlyMap<string, FileState> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  /** Faults that stand. */
  get faults(): readonly BrokenFile[] {
    return [...this.#files.values()].flatMap((state) => state.fault ?? []);
  }

  /** @throws when the directory itself cannot be read; what was read before stands then */
  async read(): Promise<DirectoryReading> {
    const { next, directories } = await this.#readFiles();
    const before = this.#files;
    this.#files = next;
    const states = [...next];
    return {
      objects: states.flatMap(([, state]) => state.objects),
      changed: next.size !== before.size || states.some(([path, state]) => before.get(path)?.objects !== state.objects),
      newFaults: states.flatMap(([path, { fault }]) =>
        fault === undefined || fault.message === before.get(path)?.fault?.message ? [] : [fault],
      ),
      mended: [...before]
        .filter(([path, { fault }]) => fault !== undefined && isGood(next, path, directories))
        .map(([path]) => path),
      directories,
      unsettled: states.some(([, state]) => state.unsettledSince !== undefined),
    };
  }

  /** Of one generation of each mounted volume: policies that belong together are judged together. */
  async #readFiles(): Promise<Reading> {
    let failure: unknown = new Error(`a mounted volume in it has changed ${MOST_TRIES} times while it was read`);
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      try {
        const reading = await this.#readOnce();
        if (reading !== undefined) return reading;
      } catch (error) {
        // The generation of a volume goes as soon as another one is shown.
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** @returns `undefined` when a volume was swapped meanwhile */
  async #readOnce(): Promise<Reading | undefined> {
    const { files, directories, unreadable, generations } = await listManifests(this.#path);
    const next = new Map<string, FileState>();
    for (const { path, at, mounted } of files) {
      const content = at === undefined ? { path, failure: LINK_TO_NOWHERE } : await readContent(path, at);
      if (content === undefined) continue;
      const former = mounted ? undefined : this.#whileWritten(path, content);
      next.set(path, former ?? this.#judge(path, content));
    }
    for (const [path, failure] of unreadable) this.#keepBelow(path, failure, next);
    return (await showTheSame(generations)) ? { next, directories } : undefined;
  }

  /** Nobody has said that what lay in a directory is gone, only that it cannot be read. */
  #keepBelow(path: string, failure: string, next: Map<string, FileState>): void {
    const below = [...this.#files].filter(([file]) => file.startsWith(join(path, sep)));
    for (const [file, state] of below) next.set(file, state);
    const fault = { file: path, document: 1, line: 1, message: failure, lastGood: below.length > 0 };
    const before = this.#files.get(path);
    next.set(path, { content: "", objects: before?.objects ?? [], fault: before?.fault ?? fault });
  }

  /** The former state of a known file that is being written right now; `undefined` when it may be judged. */
  #whileWritten(path: string, content: FileContent): FileState | undefined {
    const before = this.#files.get(path);
    if (before === undefined || !("text" in content) || before.content === textKey(content.text)) return undefined;
    const now = Date.now();
    const since = before.unsettledSince ?? now;
    if (now - content.modifiedAt >= SETTLE_MS || now - since >= LONGEST_WRITE_MS) return undefined;
    return { ...before, unsettledSince: since };
  }

  #judge(path: string, found: FileContent): FileState {
    const before = this.#files.get(path);
    const content = "text" in found ? textKey(found.text) : `unreadable ${found.failure}`;
    if (before?.content === content && before.unsettledSince === undefined) return before;
    const objects = before?.objects ?? [];
    const lastGood = before !== undefined && (before.fault?.lastGood ?? true);
    if ("failure" in found)
      return { content, objects, fault: { file: path, document: 1, line: 1, message: found.failure, lastGood } };
    if (before?.content === content)
      return { content, objects, ...(before.fault !== undefined && { fault: before.fault }) };
    const manifest = readManifest(path, found.text);
    return "fault" in manifest
      ? { content, objects, fault: { ...manifest.fault, lastGood } }
      : { content, objects: manifest.objects };
  }
}

/** Whether a file, or a directory, can be used. What is gone is not good, but gone. */
function isGood(files: ReadonlyMap<string, FileState>, path: string, directories: readonly string[]): boolean {
  const state = files.get(path);
  return state === undefined ? directories.includes(path) : state.fault === undefined;
}

function textKey(text: string): string {
  return `text ${text}`;
}
