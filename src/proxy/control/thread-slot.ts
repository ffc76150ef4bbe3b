/**
 * One place among the threads, taken by one worker after the other: a worker that is lost, or that does not have in force
 * what was published, is replaced.
 */
import type { ConnectionRow, Counters, PeerRow } from "../../telemetry/records.ts";
import { NO_COUNTERS, sumCounters } from "../counters.ts";
import { unite, type Answers } from "./answers.ts";
import type { ThreadLag } from "./applied-state.ts";
import type { ThreadEvents, ThreadHandle } from "./thread-handle.ts";

/** A thread that lived this long is restarted without delay, however often. */
const STEADY_AFTER_MS = 10_000;
const FIRST_RESTART_DELAY_MS = 100;
const LONGEST_RESTART_DELAY_MS = 10_000;
/** How much longer than its deadline a drain is waited for before its thread counts as hung. */
export const DRAIN_SLACK_MS = 2_000;

export interface ThreadSlotOptions {
  /** Starts a worker with what is in force now. */
  readonly start: (events: ThreadEvents) => ThreadHandle;
  readonly events: Pick<
    ThreadEvents,
    "onListening" | "onLines" | "onSpans" | "onProblem" | "onTicketProblem" | "onStuck"
  >;
  /** Deadline for the connections of a worker that is replaced because it lags; milliseconds. */
  readonly replaceDeadlineMs: number;
  /** The worker is lost. @returns whether another one is wanted */
  readonly onLost: (cause: Error) => boolean;
  /** The worker lags. @returns whether it may be replaced */
  readonly onLag: () => boolean;
  readonly onReplaced: (reason: ThreadReplaced) => void;
}

/** Why a worker is replaced, or its successor could not be started, and when the next start is. `lag` without `restartInMs`: it is not replaced. */
export type ThreadReplaced =
  | { readonly kind: "lost"; readonly cause: Error; readonly restartInMs: number }
  | { readonly kind: "lag"; readonly lag: ThreadLag; readonly restartInMs?: number };

export class ThreadSlot {
  readonly #options: ThreadSlotOptions;
  #current: ThreadHandle;
  /** Replaced workers that still drain, with the connections that each has to cut. */
  readonly #draining = new Map<ThreadHandle, Promise<number>>();
  #replacedFor: ThreadLag | undefined;
  #restarts = 0;
  #nextDelayMs = FIRST_RESTART_DELAY_MS;
  /** Of workers that have ended, so that the sums never fall. */
  #endedCounters = NO_COUNTERS;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ThreadSlotOptions) {
    this.#options = options;
    this.#current = this.#start();
  }

  get current(): ThreadHandle {
    return this.#current;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Workers that may hold connections, replaced ones included. */
  get running(): readonly ThreadHandle[] {
    return [...new Set([...this.#draining.keys(), this.#current])].filter(({ alive }) => alive);
  }

  /** Of the worker, or of the one that it replaces, until it listens and the other serves no more. */
  get lag(): ThreadLag | undefined {
    const lagging = this.running.find(({ lag }) => lag !== undefined);
    return lagging?.lag ?? (this.#current.listening ? undefined : this.#replacedFor);
  }

  heartbeat(): void {
    for (const handle of this.running) handle.heartbeat();
  }

  /** Counters of all workers that ever were in this place. */
  counters(): Promise<Answers<Counters>> {
    const running = this.running.map((handle) => handle.counters());
    // Read before waiting: a worker that ends meanwhile responds with its last counters and is not counted twice.
    const ended = this.#endedCounters;
    return unite(running, (parts) => sumCounters([...parts, ended]));
  }

  connections(): Promise<Answers<readonly ConnectionRow[]>> {
    return unite(
      this.running.map((handle) => handle.connections()),
      (rows) => rows.flat(),
    );
  }

  peers(): Promise<Answers<readonly PeerRow[]>> {
    return unite(
      this.running.map((handle) => handle.peers()),
      (rows) => rows.flat(),
    );
  }

  /** @returns the connections that had to be cut. No worker is started from here on. */
  async drain(deadlineMs: number): Promise<number> {
    clearTimeout(this.#timer);
    const cuts = [...this.#draining.values()].map((cut) => orHung(cut, deadlineMs));
    if (!this.#draining.has(this.#current)) cuts.push(orHung(this.#current.drain(deadlineMs), deadlineMs));
    return (await Promise.all(cuts)).reduce((sum, cut) => sum + cut, 0);
  }

  /** Ends all workers at once, with whatever they carry. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all([...new Set([...this.#draining.keys(), this.#current])].map((handle) => handle.terminate()));
  }

  #start(): ThreadHandle {
    const handle: ThreadHandle = this.#options.start({
      ...this.#options.events,
      onLost: (cause) => this.#lost(handle, cause),
      onLag: (lag) => this.#lags(handle, lag),
    });
    return handle;
  }

  #lost(handle: ThreadHandle, cause: Error): void {
    // One that was replaced is counted when its drain is over.
    if (this.#draining.has(handle)) return;
    this.#replacedFor = undefined;
    this.#endedCounters = sumCounters([this.#endedCounters, handle.lastCounters]);
    if (!this.#options.onLost(cause)) return;
    this.#options.onReplaced({ kind: "lost", cause, restartInMs: this.#restart() });
  }

  #lags(handle: ThreadHandle, lag: ThreadLag): void {
    if (this.#draining.has(handle)) return;
    // A successor would get the same credentials; without any, this one refuses all TLS already.
    if (lag.what === "credentials" && lag.version === handle.startGeneration && lag.problem !== undefined) {
      this.#options.onReplaced({ kind: "lag", lag });
      return;
    }
    if (!this.#options.onLag()) return;
    this.#replacedFor = lag;
    this.#draining.set(handle, this.#drainReplaced(handle));
    this.#options.onReplaced({ kind: "lag", lag, restartInMs: this.#restart() });
  }

  async #drainReplaced(handle: ThreadHandle): Promise<number> {
    const { replaceDeadlineMs } = this.#options;
    const cut = await orHung(handle.drain(replaceDeadlineMs), replaceDeadlineMs);
    // A thread that hangs in its drain does not respond to this either.
    await handle.counters(DRAIN_SLACK_MS);
    handle.end(new Error("replaced"));
    this.#endedCounters = sumCounters([this.#endedCounters, handle.lastCounters]);
    this.#draining.delete(handle);
    return cut;
  }

  /** @returns milliseconds until the successor starts */
  #restart(): number {
    if (Date.now() - this.#current.startedAt >= STEADY_AFTER_MS) this.#nextDelayMs = FIRST_RESTART_DELAY_MS;
    return this.#startLater();
  }

  #startLater(): number {
    const restartInMs = this.#nextDelayMs;
    this.#nextDelayMs = Math.min(restartInMs * 2, LONGEST_RESTART_DELAY_MS);
    this.#timer = setTimeout(() => this.#startSuccessor(), restartInMs);
    return restartInMs;
  }

  /** A system without a thread or memory for it must not end the process, whose other threads serve: it is tried again. */
  #startSuccessor(): void {
    try {
      this.#current = this.#start();
      this.#restarts += 1;
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      const cause = new Error(`could not be started: ${reason}`, { cause: thrown });
      this.#options.onReplaced({ kind: "lost", cause, restartInMs: this.#startLater() });
    }
  }
}

/** What a drain had to cut: one connection at least where its thread does not end it. */
async function orHung(drained: Promise<number>, deadlineMs: number): Promise<number> {
  let guard: NodeJS.Timeout | undefined;
  const hung = new Promise<number>((resolve) => {
    guard = setTimeout(resolve, deadlineMs + DRAIN_SLACK_MS, 1);
  });
  const cut = await Promise.race([drained, hung]);
  clearTimeout(guard);
  return cut;
}
