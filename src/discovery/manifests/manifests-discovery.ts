/** Policy and endpoints from a directory of manifests, followed while files change. */
import { DirectoryWatch } from "../../files/directory-watch.ts";
import type { Severity } from "../../policy/model.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Discovery, DiscoveryListener, ResourceHealth } from "../discovery.ts";
import { isMeshConfig, meshConfigProblems } from "../../policy/objects/mesh-config.ts";
import { readWorld, servicesOfPod, type ShadowedObject } from "../world.ts";
import { ManifestDirectory, wordsOfLastGood, type BrokenFile, type DirectoryReading } from "./directory.ts";
import { sortObjects } from "./kinds.ts";
import { misspelt, type Misspelt } from "./misspelt.ts";

/** Long enough for an editor's or a kubelet's rename to be over. */
const SETTLE_MS = 75;
/** What no watch reports is seen by then. */
const POLL_MS = 500;

export interface ManifestsOptions {
  readonly directory: string;
  readonly namespace: string;
  /** Names of the Services that this pod backs; else they are found by `podIps`. */
  readonly services?: readonly string[];
  readonly podIps?: readonly string[];
  readonly log: Log;
}

/** The directory cannot be read; the message names it. */
export class ManifestsError extends Error {
  override readonly name = "ManifestsError";
}

export class ManifestsDiscovery implements Discovery {
  readonly #options: ManifestsOptions;
  readonly #directory: ManifestDirectory;
  readonly #watch: DirectoryWatch;
  #listener: DiscoveryListener | undefined;
  /** When all files were good last; the first reading where they never were. While a file is broken the age of the data grows. */
  #freshAt: number | undefined;
  #failure: string | undefined;
  readonly #warned = new Set<string>();

  constructor(options: ManifestsOptions) {
    this.#options = options;
    this.#directory = new ManifestDirectory(options.directory);
    this.#watch = new DirectoryWatch({ settleMs: SETTLE_MS, pollMs: POLL_MS, read: () => this.#read() });
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
    this.#watch.start();
  }

  health(): readonly ResourceHealth[] {
    const { faults } = this.#directory;
    const failure = this.#failure === undefined ? wordsOfFaults(faults) : this.#wordsOfUnreadable(this.#failure);
    return [
      {
        resource: "manifests",
        synced: this.#freshAt !== undefined,
        brokenFiles: faults.length,
        ...(this.#freshAt !== undefined && { freshAt: this.#freshAt }),
        ...(failure !== undefined && { failure }),
      },
    ];
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  async #read(): Promise<void> {
    await this.#directory.read().then(
      (reading) => this.#publish(reading, false),
      (error: unknown) => this.#readFailed(error),
    );
  }

  #publish(reading: DirectoryReading, first: boolean): void {
    if (this.#watch.stopped) return;
    const { log, namespace, services, podIps = [] } = this.#options;
    if (this.#failure !== undefined) log.info({ directory: this.#options.directory }, "manifests can be read again");
    this.#failure = undefined;
    if (this.#freshAt === undefined || this.#directory.faults.length === 0) this.#freshAt = Date.now();
    for (const fault of reading.newFaults) {
      log.error(
        { file: fault.file, document: fault.document, line: fault.line, problem: fault.message },
        `manifest is broken; ${wordsOfLastGood(fault)}`,
      );
    }
    for (const file of reading.mended) log.info({ file }, "manifest is good again");
    this.#watch.follow(reading.directories);
    if (reading.unsettled) this.#watch.soon();
    if (!first && !reading.changed) return;
    for (const { path, message, severity } of reading.objects
      .filter(isMeshConfig)
      .flatMap(({ value }) => meshConfigProblems(value)))
      this.#warnOnce(path, message, severity);
    for (const found of reading.objects.flatMap(misspelt)) this.#passedOver(found);
    const { world, shadowed } = readWorld(sortObjects(reading.objects));
    for (const one of shadowed) this.#shadowed(one);
    this.#listener?.onWorld(world, services ?? servicesOfPod(world, namespace, podIps));
  }

  /** Of a MeshConfig that lies among the manifests. */
  #warnOnce(path: string, message: string, severity: Severity): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    const { log } = this.#options;
    log[severity === "error" ? "error" : "warn"](
      { path, problem: message },
      "MeshConfig asks for what Postern does not do",
    );
  }

  #passedOver({ file, line, object, message }: Misspelt): void {
    const place = `${file}:${line}: ${message}`;
    if (this.#warned.has(place)) return;
    this.#warned.add(place);
    this.#options.log.warn({ file, line, object, problem: message }, "an object is passed over");
  }

  #shadowed({ policy, problem }: ShadowedObject): void {
    const found = `${policy}: ${problem}`;
    if (this.#warned.has(found)) return;
    this.#warned.add(found);
    this.#options.log.warn({ object: `IngressBackend ${policy}`, problem }, "an object is passed over");
  }

  #wordsOfUnreadable(failure: string): string {
    return `${this.#options.directory} cannot be read: ${failure}; what was read before stays in force`;
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
}

/** The first file in full, the others by their number. */
function wordsOfFaults([first, ...others]: readonly BrokenFile[]): string | undefined {
  if (first === undefined) return undefined;
  const more =
    others.length === 0 ? "" : `; ${others.length} more ${others.length === 1 ? "file is" : "files are"} broken`;
  return `${first.file}:${first.line}: ${first.message}; ${wordsOfLastGood(first)}${more}`;
}
