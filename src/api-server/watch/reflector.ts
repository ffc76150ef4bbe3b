/**
 * A local copy of one list of objects, kept current by list and watch. It never gives up: an error costs a wait, the
 * last good copy stands meanwhile, and a new list replaces it in one step. Any watch that did not end in good order is
 * followed by a list, because the server that comes back may have lost the history that we would resume.
 */
import type { WatchHealth } from "./watch-health.ts";
import { pause } from "../clock.ts";
import { ApiFailure, failureOfError, kindOfStatus } from "../failure.ts";
import { Forbidden } from "./forbidden.ts";
import { listAll } from "../list.ts";
import { identityOf, isOlderVersion, textOf } from "../objects.ts";
import type { KubernetesObject, ObjectIdentity } from "../objects.ts";
import type { ReflectorEnvironment } from "./reflector-environment.ts";
import { Retry } from "./retry.ts";
import { WatchDeadline } from "./watch-deadline.ts";
import { watchEvents } from "./watch-stream.ts";
import type { WatchEvent } from "./watch-stream.ts";

export interface ReflectorOptions<T> {
  /** For people, e.g. `endpointslices gateways/edge`. */
  readonly resource: string;
  readonly path: string;
  /** `labelSelector` and `fieldSelector`. */
  readonly selector: Readonly<Record<string, string>>;
  /** Keeps of an object what is needed; `undefined` leaves it out. Returning `previous` says that nothing changed. */
  readonly project: (object: KubernetesObject, identity: ObjectIdentity, previous: T | undefined) => T | undefined;
  /** Called after a change of the items or of the state of the resource, and when nothing changed at all. Must not throw. */
  readonly onChange: () => void;
  /** The resource need not be installed: its absence is no failure and is not logged. */
  readonly optional?: boolean;
}

/** Events that carry an object (Kubernetes API concepts, "Efficient detection of changes"). */
const CHANGES: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]);

export class Reflector<T> {
  readonly #environment: ReflectorEnvironment;
  readonly #options: ReflectorOptions<T>;
  readonly #retry: Retry;
  readonly #forbidden: Forbidden;
  readonly #stopping = new AbortController();
  #items: Map<string, T> = new Map();
  /** The last version seen, kept across failures to recognise a server that lost its history. */
  #version: string | undefined;
  #synced = false;
  #settled = false;
  #freshAt: number | undefined;
  #failure: ApiFailure | undefined;
  #absentSince: number | undefined;
  #absences = 0;
  #running: Promise<void> | undefined;

  constructor(environment: ReflectorEnvironment, options: ReflectorOptions<T>) {
    this.#environment = environment;
    this.#options = options;
    this.#retry = new Retry(environment);
    const { clock, report, timing } = environment;
    this.#forbidden = new Forbidden(clock, timing.forbiddenGraceMs, () => {
      report.closed(options.resource, timing.forbiddenGraceMs);
      options.onChange();
    });
  }

  /**
   * By `namespace/name`. Replaced or edited only between two calls of `onChange`. While `unknown` is set this is what
   * was known once, and must let nobody in.
   */
  get items(): ReadonlyMap<string, T> {
    return this.#items;
  }

  /** Why nothing is known of the resource now, in words: reading it is forbidden, and longer than the grace allows. */
  get unknown(): string | undefined {
    return this.#forbidden.stands
      ? `${this.#options.resource} may not be read: the API server forbids it (403)`
      : undefined;
  }

  /** The copy was complete at least once (an absent resource counts as completely empty). */
  get synced(): boolean {
    return this.#synced;
  }

  /** The first attempt is over, however it went. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Not installed, as far as the server last said anything of it. */
  get absent(): boolean {
    return this.#absences > 0;
  }

  /** Begins to follow; a second call does nothing. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the request under way and resolves when nothing runs any more. Final. */
  async stop(): Promise<void> {
    this.#stopping.abort(new ApiFailure("unreachable", "discovery is stopping"));
    this.#forbidden.ended();
    await this.#running;
    this.#environment.report.forget(this.#options.resource);
  }

  health(): WatchHealth {
    const { clock } = this.#environment;
    // Derived from the monotonic clock, so that a jump of the wall clock ages nothing.
    const ageMs = this.#freshAt === undefined ? undefined : clock.monotonic() - this.#freshAt;
    return {
      resource: this.#options.resource,
      synced: this.#synced && !this.#forbidden.stands,
      ...(ageMs === undefined ? {} : { freshAt: clock.now() - ageMs }),
      ...(this.#failure === undefined ? {} : { failure: `${this.#failure.kind}: ${this.#failure.message}` }),
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let resumeAt: string | undefined;
    while (!signal.aborted) {
      let waitMs = 0;
      try {
        resumeAt ??= await this.#list();
        resumeAt = await this.#watch(resumeAt);
        waitMs = this.#retry.afterEnd();
      } catch (error) {
        if (signal.aborted) return;
        const failure = failureOfError(error);
        // Slowed down, the server still has our place; after anything else only a list is certain.
        resumeAt = failure.kind === "throttled" && resumeAt !== undefined ? this.#version : undefined;
        waitMs = this.#failed(failure);
      }
      if (waitMs > 0) await pause(this.#environment.clock, waitMs, signal);
    }
  }

  /** Reads everything into a fresh copy and swaps it in; until then the former copy stands. */
  async #list(): Promise<string> {
    const { client, report } = this.#environment;
    const { path, selector, resource } = this.#options;
    const fresh = new Map<string, T>();
    const version = await listAll(client, { path, selector, signal: this.#stopping.signal }, (object) =>
      this.#put(fresh, object),
    );
    report.count(resource, "list");
    if (this.#version !== undefined && isOlderVersion(version, this.#version))
      report.historyLost(resource, this.#version, version);
    this.#items = fresh;
    this.#version = version;
    this.#succeeded();
    return version;
  }

  /** Follows changes until the server ends the watch in good order; returns where to resume. */
  async #watch(from: string): Promise<string> {
    const { client, clock, random, report, timing } = this.#environment;
    const { path, selector, resource } = this.#options;
    const seconds = Math.round(timing.watchSecondsMin + random() * (timing.watchSecondsMax - timing.watchSecondsMin));
    const deadline = new WatchDeadline(clock, {
      silenceMs: timing.watchSilenceMs,
      totalMs: seconds * 1_000 + timing.watchMarginMs,
    });
    const signal = AbortSignal.any([this.#stopping.signal, deadline.signal]);
    try {
      report.count(resource, "watch");
      const query = {
        ...selector,
        watch: "1",
        allowWatchBookmarks: "true",
        resourceVersion: from,
        timeoutSeconds: String(seconds),
      };
      const body = await client.stream({ path, query, signal });
      this.#retry.watching();
      this.#succeeded();
      // Not before: where lists are answered and watches refused, the trouble stands.
      report.recovered(resource);
      for await (const events of watchEvents(body)) {
        deadline.received();
        this.#apply(events);
      }
      return this.#version ?? from;
    } catch (error) {
      throw deadline.signal.aborted && !this.#stopping.signal.aborted ? deadline.signal.reason : error;
    } finally {
      deadline.stop();
    }
  }

  #apply(events: readonly WatchEvent[]): void {
    if (events.length === 0) return;
    const { report } = this.#environment;
    const { resource } = this.#options;
    let changes = 0;
    try {
      for (const event of events) if (this.#applyOne(event)) changes += 1;
    } finally {
      this.#freshAt = this.#environment.clock.monotonic();
      report.count(resource, "event", changes);
      report.count(resource, "bookmark", events.length - changes);
      if (changes > 0) this.#options.onChange();
    }
  }

  /** True when the copy may have changed. */
  #applyOne(event: WatchEvent): boolean {
    if (event.type === "ERROR") {
      const { code } = event.object;
      throw new ApiFailure(
        kindOfStatus(typeof code === "number" ? code : 500),
        textOf(event.object, "message") ?? "the watch reported an error",
      );
    }
    if (!CHANGES.has(event.type)) throw new ApiFailure("malformed", `a watch event has the unknown type ${event.type}`);
    const version = textOf(event.object["metadata"], "resourceVersion");
    if (version === undefined)
      throw new ApiFailure("malformed", `a watch event ${event.type} carries no resourceVersion`);
    this.#version = version;
    if (event.type === "BOOKMARK") return false;
    if (event.type === "DELETED") {
      const identity = identityOf(event.object);
      if (identity !== undefined) this.#items.delete(`${identity.namespace}/${identity.name}`);
      return true;
    }
    this.#put(this.#items, event.object);
    return true;
  }

  #put(items: Map<string, T>, object: KubernetesObject): void {
    const identity = identityOf(object);
    if (identity === undefined) throw new ApiFailure("malformed", "an object carries no name");
    const key = `${identity.namespace}/${identity.name}`;
    let projected: T | undefined;
    try {
      projected = this.#options.project(object, identity, this.#items.get(key));
    } catch (error) {
      this.#environment.report.unreadable(this.#options.resource, key, error);
    }
    if (projected === undefined) items.delete(key);
    else items.set(key, projected);
  }

  #succeeded(): void {
    this.#freshAt = this.#environment.clock.monotonic();
    this.#failure = undefined;
    this.#forbidden.ended();
    this.#absentSince = undefined;
    this.#absences = 0;
    this.#settle(true);
  }

  #settle(synced: boolean): void {
    this.#settled = true;
    this.#synced ||= synced;
    this.#options.onChange();
  }

  /** Records the failure and returns how long to wait. */
  #failed(failure: ApiFailure): number {
    const { report } = this.#environment;
    const { resource } = this.#options;
    this.#failure = failure;
    if (failure.kind !== "absent") this.#absentSince = undefined;
    if (failure.kind === "forbidden") this.#forbidden.refused(this.#synced);
    if (failure.kind === "expired") report.count(resource, "expired");
    const retryMs = this.#retry.afterFailure(failure);
    const waitMs = failure.kind === "absent" ? this.#absent(retryMs) : retryMs;
    if (failure.kind !== "absent" || this.#options.optional !== true) report.failed(resource, failure, waitMs);
    this.#settle(false);
    return waitMs;
  }

  /** A 404 that stands means that the resource is not installed: empty, and looked for at a slow pace. */
  #absent(waitMs: number): number {
    const { clock, random, timing } = this.#environment;
    const now = clock.monotonic();
    this.#absentSince ??= now;
    const remainingMs = this.#absentSince + timing.absentConfirmMs - now;
    // With nothing known yet there is nothing to protect from a passing 404.
    if (this.#synced && remainingMs > 0) return Math.min(waitMs, remainingMs);
    this.#items = new Map();
    this.#forbidden.ended();
    this.#version = undefined;
    this.#synced = true;
    this.#freshAt = now;
    // Most clusters never get an optional API: ten thousand sidecars must not ask for it three times a minute for years.
    const ceilingMs =
      this.#options.optional === true
        ? Math.min(timing.optionalCheckMs, timing.absentCheckMs * 2 ** Math.min(this.#absences, 10))
        : timing.absentCheckMs;
    this.#absences += 1;
    return (ceilingMs / 2) * (1 + random());
  }
}
