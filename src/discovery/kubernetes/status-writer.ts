/**
 * Writes what the compiler found into `status` of the IngressBackends. Every replica knows what should stand there and
 * sees through its watch what does; only where the two differ does anybody act, and of all who see the difference one
 * acts: the holder of a Lease. Enforcement never waits for any of this.
 */
import type { ObjectKey } from "../../policy/model.ts";
import type { PolicyStatus } from "../../policy/snapshot.ts";
import type { ApiClient } from "../../api-server/client.ts";
import type { Clock } from "../../api-server/clock.ts";
import { wordsOfShadowed } from "../same-name.ts";
import { createEvent } from "./events.ts";
import { ApiFailure, failureOfError } from "../../api-server/failure.ts";
import type { Lease } from "../../api-server/lease.ts";
import { isRecord } from "../../api-server/objects.ts";
import { detailOf, type FollowedPolicy } from "./policies.ts";
import { adviceFor } from "../../api-server/watch/report.ts";
import type { DiscoveryLog } from "../../api-server/watch/report.ts";

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: DiscoveryLog;
  readonly lease: Lease;
  /** `metadata.name` of this pod, for Events. */
  readonly reporter: string;
  /** What the API server has, as our watch last showed it. */
  readonly current: () => {
    readonly governing: ReadonlyMap<ObjectKey, FollowedPolicy>;
    readonly shadowed: readonly FollowedPolicy[];
  };
  readonly timing: StatusTiming;
}

export interface StatusTiming {
  /** How long the last writer waits before it writes: the states in the middle of a rollout need not be written. */
  readonly settleMs: number;
  /** The others wait up to this long, spread evenly, so that the first write has been seen before most of them look. */
  readonly spreadMs: number;
  /** A status that somebody else overwrote is not written again within this time, so that two versions do not overwrite each other in a loop. */
  readonly repeatMs: number;
  /** After a refusal by the API server. */
  readonly refusedMs: number;
}

export const DEFAULT_STATUS_TIMING: StatusTiming = Object.freeze({
  settleMs: 250,
  spreadMs: 5_000,
  repeatMs: 600_000,
  refusedMs: 60_000,
});

/** An API server that is gone must not hold up the end of the process. */
const RELEASE_MS = 500;

interface Wanted {
  readonly policy: FollowedPolicy;
  readonly status: PolicyStatus;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #written = new Map<string, { readonly text: string; readonly at: number }>();
  #statuses: ReadonlyMap<ObjectKey, PolicyStatus> = new Map();
  #cancel: (() => void) | undefined;
  /** Of the look at what is left as somebody else has written it until then. */
  #cancelLook: (() => void) | undefined;
  #attempt: Promise<void> | undefined;
  #refusal: ApiFailure["kind"] | undefined;
  /** The API server's CRD has nothing but OSM's two fields, and drops the others. */
  #pruned = false;
  readonly #stopping = new AbortController();
  /** Statuses written by this replica. */
  writes = 0;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** What should stand in the status of each object that governs something here. */
  publish(statuses: readonly PolicyStatus[]): void {
    this.#statuses = new Map(statuses.map((status) => [status.policy, status]));
    this.#forgetOld();
    this.observe();
  }

  /** Something changed at the API server or here: looks whether there is anything to write. */
  observe(): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#cancel !== undefined || this.#attempt !== undefined) return;
    if (this.#differences().length === 0) return this.#lookLater();
    const { lease, random, timing } = this.#options;
    this.#schedule(lease.heldLast ? timing.settleMs : timing.settleMs + random() * timing.spreadMs);
  }

  /** Ends what is under way at once; giving the Lease up is bounded. */
  async stop(): Promise<void> {
    this.#stopping.abort(new ApiFailure("unreachable", "discovery is stopping"));
    this.#cancel?.();
    this.#cancelLook?.();
    await this.#attempt;
    // Spares the other replicas the wait for the Lease's end; without it they take over all the same.
    await this.#options.lease.release(AbortSignal.timeout(RELEASE_MS)).catch((error: unknown) => {
      this.#options.log.info({ event: "lease-kept", error: String(error) }, "the status lease could not be given up");
    });
  }

  #schedule(delayMs: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#attempt = this.#try().finally(() => {
        this.#attempt = undefined;
        if (this.#cancel === undefined) this.observe();
      });
    });
  }

  /** When the first of what is left as it is may be written again. */
  #lookLater(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    const waits = this.#differing().map((wanted) => this.#restMs(wanted));
    if (waits.length === 0) return;
    this.#cancelLook = this.#options.clock.after(Math.min(...waits), () => {
      this.#cancelLook = undefined;
      this.observe();
    });
  }

  async #try(): Promise<void> {
    const { lease, random, timing } = this.#options;
    if (this.#differences().length === 0) return;
    try {
      const waitMs = await lease.acquire(this.#stopping.signal);
      if (waitMs > 0) {
        this.#schedule(waitMs + random() * timing.spreadMs);
        return;
      }
      await this.#writeAll();
      this.#refusal = undefined;
    } catch (error) {
      this.#writeFailed(failureOfError(error));
    }
  }

  /** What the API server refuses of one object keeps no other from its status; rejects with it in the end. */
  async #writeAll(): Promise<void> {
    let refusal: ApiFailure | undefined;
    for (const wanted of this.#differences()) {
      if (this.#stopping.signal.aborted || !this.#options.lease.held) break;
      try {
        if (await this.#write(wanted)) await this.#writeEvent(wanted);
      } catch (error) {
        const failure = failureOfError(error);
        if (failure.kind !== "forbidden" && failure.kind !== "unexpected-answer") throw failure;
        refusal = failure;
      }
    }
    if (refusal !== undefined) throw refusal;
  }

  /** False when the object is not the one that was judged any more; the watch will show what it is now. */
  async #write({ policy, status }: Wanted): Promise<boolean> {
    const { client, clock, log } = this.#options;
    const { currentStatus, reason, warnings, backends = [] } = status;
    this.#written.set(writeKey(policy), { text: textOfStatus(status), at: clock.monotonic() });
    try {
      const answer = await client.json({
        signal: this.#stopping.signal,
        method: "PATCH",
        path: `/apis/${policy.group}/v1alpha1/namespaces/${policy.namespace}/ingressbackends/${policy.name}/status`,
        contentType: "application/merge-patch+json",
        // The UID is a precondition: an object that was deleted and made again is not the one that was judged.
        body: { metadata: { uid: policy.uid }, status: { currentStatus, reason, warnings, backends } },
      });
      this.#pruned = isRecord(answer) && isRecord(answer["status"]) && !("warnings" in answer["status"]);
    } catch (error) {
      if (error instanceof ApiFailure && (error.status === 404 || error.status === 409)) return false;
      // Not written, so it is tried again.
      this.#written.delete(writeKey(policy));
      throw error;
    }
    this.writes += 1;
    log.info(
      { event: "status-written", policy: status.policy, currentStatus, reason },
      `status of ${status.policy}: ${currentStatus}`,
    );
    return true;
  }

  /** A failed Event is logged, and keeps no status from being written. */
  async #writeEvent({ policy, status }: Wanted): Promise<void> {
    const { client, clock, reporter, log } = this.#options;
    const { currentStatus, reason, warnings } = status;
    try {
      const note = { policy, currentStatus, reason, warnings, reporter, nowMs: clock.now() };
      await createEvent(client, note, this.#stopping.signal);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const failure = failureOfError(error);
      const advice = adviceFor(failure);
      log.warn(
        { event: "event-refused", policy: status.policy, status: failure.status, error: failure.message },
        `no Event could be made about ${status.policy}: ${failure.message}${advice === "" ? "" : `; ${advice}`}`,
      );
    }
  }

  #writeFailed(failure: ApiFailure): void {
    const { log, random, timing } = this.#options;
    if (this.#stopping.signal.aborted) return;
    if (failure.kind !== this.#refusal) {
      const advice = adviceFor(failure);
      log.warn(
        { event: "status-refused", status: failure.status, error: failure.message },
        `the status of IngressBackends cannot be written: ${failure.message}${advice === "" ? "" : `; ${advice}`}; policies are enforced all the same`,
      );
    }
    this.#refusal = failure.kind;
    this.#schedule(timing.refusedMs * (0.5 + random()));
  }

  #forgetOld(): void {
    const oldest = this.#options.clock.monotonic() - this.#options.timing.repeatMs;
    for (const [key, { at }] of this.#written) if (at < oldest) this.#written.delete(key);
  }

  /** What is to be written at once. */
  #differences(): readonly Wanted[] {
    return this.#differing().filter((wanted) => this.#restMs(wanted) === 0);
  }

  #differing(): readonly Wanted[] {
    return this.#wanted().filter(
      ({ policy, status }) =>
        policy.status.currentStatus !== status.currentStatus ||
        policy.status.reason !== status.reason ||
        (!this.#pruned && policy.status.detail !== detailOf(status.warnings, status.backends ?? [])),
    );
  }

  /** How long the same is not written again. */
  #restMs({ policy, status }: Wanted): number {
    const written = this.#written.get(writeKey(policy));
    if (written === undefined || written.text !== textOfStatus(status)) return 0;
    return Math.max(0, written.at + this.#options.timing.repeatMs - this.#options.clock.monotonic());
  }

  #wanted(): readonly Wanted[] {
    const { governing, shadowed } = this.#options.current();
    const wanted: Wanted[] = [];
    for (const [key, status] of this.#statuses) {
      const policy = governing.get(key);
      if (policy !== undefined) wanted.push({ policy, status });
    }
    for (const policy of shadowed) {
      const key: ObjectKey = `${policy.namespace}/${policy.name}`;
      const winner = governing.get(key);
      if (winner === undefined || !this.#statuses.has(key)) continue;
      const reason = wordsOfShadowed(policy, winner);
      wanted.push({ policy, status: { policy: key, currentStatus: "error", reason, warnings: [] } });
    }
    return wanted;
  }
}

function writeKey(policy: FollowedPolicy): string {
  return `${policy.group}/${policy.uid}/${String(policy.object.generation ?? 0)}`;
}

function textOfStatus(status: PolicyStatus): string {
  return `${status.currentStatus}: ${status.reason}: ${detailOf(status.warnings, status.backends ?? [])}`;
}
