/**
 * What a directory of manifests says: the objects of every file, the last good ones where a file is present but broken.
 * Judged anew whenever it is read; whoever watches decides when.
 */
import { readManifest, type ManifestFault, type ManifestObject } from "./documents.ts";
import { listManifests, readContent } from "./files.ts";

export interface DirectoryReading {
  /** Objects of all files, in order of path. */
  readonly objects: readonly ManifestObject[];
  /** True when something differs from the last reading. */
  readonly changed: boolean;
  /** Faults that were not there at the last reading. */
  readonly newFaults: readonly ManifestFault[];
  /** Files whose fault is gone. */
  readonly mended: readonly string[];
  /** Directories that were read. */
  readonly directories: readonly string[];
}

interface FileState {
  readonly content: string;
  readonly objects: readonly ManifestObject[];
  readonly fault?: ManifestFault;
}

export class ManifestDirectory {
  readonly #path: string;
  #files: ReadonlyMap<string, FileState> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  /** Faults that stand. */
  get faults(): readonly ManifestFault[] {
    return [...this.#files.values()].flatMap((state) => state.fault ?? []);
  }

  /** @throws when the directory itself cannot be read; what was read before stands then */
  async read(): Promise<DirectoryReading> {
    const { files, directories } = await listManifests(this.#path);
    const next = new Map<string, FileState>();
    for (const path of files) {
      const content = await readContent(path);
      if (content === undefined) continue;
      next.set(
        path,
        this.#judge(
          path,
          "text" in content ? content.text : undefined,
          "failure" in content ? content.failure : undefined,
        ),
      );
    }
    const before = this.#files;
    this.#files = next;
    const states = [...next];
    return {
      objects: states.flatMap(([, state]) => state.objects),
      changed: next.size !== before.size || states.some(([path, state]) => before.get(path)?.objects !== state.objects),
      newFaults: states.flatMap(([path, { fault }]) =>
        fault === undefined || fault.message === before.get(path)?.fault?.message ? [] : [fault],
      ),
      mended: states
        .filter(([path, state]) => state.fault === undefined && before.get(path)?.fault !== undefined)
        .map(([path]) => path),
      directories,
    };
  }

  #judge(path: string, text: string | undefined, failure: string | undefined): FileState {
    const before = this.#files.get(path);
    const content = text === undefined ? `unreadable ${failure}` : `text ${text}`;
    if (before?.content === content) return before;
    const lastGood = before?.objects ?? [];
    if (text === undefined) {
      return {
        content,
        objects: lastGood,
        fault: { file: path, document: 1, line: 1, message: failure ?? "cannot be read" },
      };
    }
    const manifest = readManifest(path, text);
    return "fault" in manifest
      ? { content, objects: lastGood, fault: manifest.fault }
      : { content, objects: manifest.objects };
  }
}
