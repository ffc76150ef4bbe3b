/** Policy and endpoints from a directory of manifests, followed while files change. */
import { watch, type FSWatcher } from "node:fs";
import type { Log } from "../../telemetry/log.ts";
import type { Discovery, DiscoveryListener, ResourceHealth } from "../discovery.ts";
import { buildWorld, servicesOfPod } from "../world.ts";
import { ManifestDirectory, type DirectoryReading } from "./directory.ts";
import { sortObjects } from "./kinds.ts";

/** Long enough for an editor's or a kubelet's rename to be over. */
const SETTLE_MS = 75;
/** What no watch reports (network file systems, replaced directories) is seen by then. */
const POLL_MS = 500;

export interface ManifestsOptions {
  readonly directory: string;
  readonly namespace: string;
  /** Names of the Services that this pod backs; else they are found by `podIp`. */
  readonly services?: readonly string[];
  readonly podIp?: string;
  readonly log: Log;
}

/** The directory cannot be read; the message names it. */
export class ManifestsError extends Error {
  override readonly name = "ManifestsError";
}

export class ManifestsDiscovery implements Discovery {
  readonly #options: ManifestsOptions;
  readonly #directory: ManifestDirectory;
  readonly #watchers = new Map<string, FSWatcher>();
  #listener: DiscoveryListener | undefined;
  #settle: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #freshAt: number | undefined;
  #failure: string | undefined;
  #stopped = false;

  constructor(options: ManifestsOptions) {
    this.#options = options;
    this.#directory = new ManifestDirectory(options.directory);
  }

  /** @throws ManifestsError when the directory cannot be read at start */
  async start(listener: DiscoveryListener): Promise<void> {
    this.#listener = listener;
    try {
      this.#publish(await this.#directory.read(), true);
    } catch (cause) {
      throw new ManifestsError(
        `Cannot read the manifests in ${this.#options.directory}: ${cause instanceof Error ? cause.message : String(cause)}; give an existing directory with --manifests`,
        { cause },
      );
    }
    this.#poll = setInterval(() => this.#read(), POLL_MS);
  }

  health(): readonly ResourceHealth[] {
    const [fault] = this.#directory.faults;
    const failure =
      this.#failure ?? (fault === undefined ? undefined : `${fault.file}:${fault.line}: ${fault.message}`);
    return [
      {
        resource: "manifests",
        synced: this.#freshAt !== undefined,
        ...(this.#freshAt !== undefined && { freshAt: this.#freshAt }),
        ...(failure !== undefined && { failure }),
      },
    ];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    for (const watcher of this.#watchers.values()) watcher.close();
    await this.#reading;
  }

  #readSoon(): void {
    if (this.#stopped) return;
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#read(), SETTLE_MS);
  }

  #read(): void {
    if (this.#stopped || this.#reading !== undefined) return;
    this.#reading = this.#directory
      .read()
      .then(
        (reading) => this.#publish(reading, false),
        (error: unknown) => this.#readFailed(error),
      )
      .finally(() => (this.#reading = undefined));
  }

  #publish(reading: DirectoryReading, first: boolean): void {
    if (this.#stopped) return;
    const { log, namespace, services, podIp } = this.#options;
    if (this.#failure !== undefined) log.info({ directory: this.#options.directory }, "manifests can be read again");
    this.#failure = undefined;
    this.#freshAt = Date.now();
    for (const fault of reading.newFaults) {
      log.error(
        { file: fault.file, document: fault.document, line: fault.line, problem: fault.message },
        "manifest is broken; its last good content stays in force",
      );
    }
    for (const file of reading.mended) log.info({ file }, "manifest is good again");
    this.#watch(reading.directories);
    if (reading.unsettled) this.#readSoon();
    if (!first && !reading.changed) return;
    const world = buildWorld(sortObjects(reading.objects));
    this.#listener?.onWorld(world, services ?? (podIp === undefined ? [] : servicesOfPod(world, namespace, podIp)));
  }

  #readFailed(error: unknown): void {
    const failure = error instanceof Error ? error.message : String(error);
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#options.log.error(
      { directory: this.#options.directory, problem: failure },
      "manifests cannot be read; what was read before stays in force",
    );
  }

  /** Directories, never files: an editor replaces a file, and a watch on it goes with the old one. */
  #watch(directories: readonly string[]): void {
    for (const [path, watcher] of this.#watchers) {
      if (directories.includes(path)) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
    for (const path of directories) {
      if (this.#watchers.has(path)) continue;
      try {
        const watcher = watch(path, () => this.#readSoon());
        watcher.on("error", () => {
          watcher.close();
          this.#watchers.delete(path);
        });
        this.#watchers.set(path, watcher);
      } catch {
        // Out of watches: the poll sees the change.
      }
    }
  }
}
