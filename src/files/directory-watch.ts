/**
 * Calls for a reading whenever something in a set of directories may have changed. Directories are watched, never files: an
 * editor replaces a file and a mounted volume its `..data` link, and a watch on a file goes with the old one. A poll sees
 * what no watch reports (network file systems, replaced directories, no watches left).
 */
import { watch, type FSWatcher } from "node:fs";
import { VOLUME_LINK } from "./mounted-volume.ts";

export interface DirectoryWatchOptions {
  /** Quiet time after a change before it is read, milliseconds: a writer may be between two files. A volume's swap needs none. */
  readonly settleMs: number;
  /** Longest time between two readings, `settleMs` aside, and longest time that a lack of quiet puts one off; milliseconds. */
  readonly pollMs: number;
  /** Readings never overlap. Must not reject: a failure is the reader's to report. */
  readonly read: () => Promise<void>;
}

export class DirectoryWatch {
  readonly #options: DirectoryWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #poll: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;
  /** When the first change was seen that is not read yet, on the monotonic clock. */
  #waitingSince: number | undefined;
  #reading: Promise<void> | undefined;
  #stopped = false;

  constructor(options: DirectoryWatchOptions) {
    this.#options = options;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Keeps no process alive. */
  start(): void {
    this.#poll = setInterval(() => {
      if (this.#settle === undefined) this.soon();
    }, this.#options.pollMs).unref();
  }

  /** Watches these directories and no others. One that cannot be watched is tried again the next time. */
  follow(directories: Iterable<string>): void {
    if (this.#stopped) return;
    const wanted = new Set(directories);
    for (const path of this.#watchers.keys()) if (!wanted.has(path)) this.#unwatch(path);
    for (const path of wanted) {
      if (this.#watchers.has(path)) continue;
      try {
        const watcher = watch(path, { persistent: false }, (_, name) => {
          if (name === VOLUME_LINK) this.#read();
          else this.soon();
        });
        watcher.on("error", () => this.#unwatch(path));
        this.#watchers.set(path, watcher);
      } catch {
        // Out of watches, or the directory is gone: the poll sees the change.
      }
    }
  }

  /** Reads once all has been quiet for `settleMs`. */
  soon(): void {
    if (this.#stopped) return;
    const { settleMs, pollMs } = this.#options;
    const now = performance.now();
    this.#waitingSince ??= now;
    // What never rests is read all the same.
    if (this.#settle !== undefined && now - this.#waitingSince >= pollMs) return;
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#read(), settleMs).unref();
  }

  /** Settles when the reading that is under way is over; there is none afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    for (const path of this.#watchers.keys()) this.#unwatch(path);
    await this.#reading;
  }

  /** What lies there now is whole. */
  #read(): void {
    clearTimeout(this.#settle);
    this.#settle = undefined;
    this.#waitingSince = undefined;
    // A change during a reading may have come too late for it.
    if (this.#reading !== undefined) return this.soon();
    this.#reading = this.#options.read().finally(() => (this.#reading = undefined));
  }

  #unwatch(path: string): void {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }
}
