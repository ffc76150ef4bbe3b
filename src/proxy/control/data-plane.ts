/**
 * The control side of the data plane: starts a thread per allotted CPU, hands all of them the same policy and
 * credentials, and replaces the one that dies while the others serve.
 */
import type { BackendConfig, ClientCertHeader, Limits, TracingConfig } from "../../config/config.ts";
import type { Snapshot } from "../../policy/snapshot.ts";
import type { ConnectionRow, Counters, TrafficRecord } from "../../telemetry/records.ts";
import type { Credentials } from "../../tls/credentials.ts";
import { NO_COUNTERS, sumCounters } from "../counters.ts";
import { shareLimits } from "./limit-shares.ts";
import { checkListenAddresses } from "./listen-check.ts";
import { ThreadHandle } from "./thread-handle.ts";

const HEARTBEAT_MS = 1_000;
/** A thread that lived this long is restarted without delay, however often. */
const STEADY_AFTER_MS = 10_000;
const FIRST_RESTART_DELAY_MS = 100;
const LONGEST_RESTART_DELAY_MS = 10_000;
/** How much longer than its deadline a drain is waited for before its thread counts as hung. */
export const DRAIN_SLACK_MS = 2_000;
const DEFAULT_MAX_HEAP_MB = 512;

export interface DataPlaneOptions {
  readonly backends: readonly BackendConfig[];
  /** For the whole process; divided among the threads. */
  readonly limits: Limits;
  /** Threads; at least one. */
  readonly workers: number;
  readonly clientCertHeader: ClientCertHeader;
  readonly accessLog: boolean;
  /** Absent: requests have no spans. */
  readonly tracing?: TracingConfig;
  readonly snapshot: Snapshot;
  /** Absent: https backends are closed. */
  readonly credentials: Credentials | undefined;
  /** File that a worker runs; by default the one beside this module, whether source or bundle. */
  readonly threadEntry?: URL;
  /** JavaScript heap of one thread in MiB, beyond which that thread ends and is replaced. */
  readonly maxHeapMb?: number;
}

export interface ThreadLost {
  readonly thread: number;
  readonly cause: Error;
  readonly restartInMs: number;
}

export interface DataPlaneListener {
  readonly onRecords: (records: readonly TrafficRecord[]) => void;
  readonly onThreadLost: (lost: ThreadLost) => void;
  /** A lost thread that cannot be ended keeps taking connections and serves none: the process must end. */
  readonly onThreadStuck: (thread: number) => void;
  /** A thread has `version` in force and has ended `revoked` connections for it. */
  readonly onApplied?: (thread: number, version: number, revoked: number) => void;
  /** A thread uses these credentials, or could not and kept the former ones. */
  readonly onCredentials?: (thread: number, generation: number, problem: string | undefined) => void;
  /** For the log: accept failures, and what Node prints in a thread. */
  readonly onProblem?: (thread: number, message: string) => void;
}

export interface ThreadInfo {
  readonly thread: number;
  readonly listening: boolean;
  readonly startedAt: number;
  readonly appliedVersion: number;
  readonly restarts: number;
}

/** One place among the threads, taken by one worker after the other. */
interface Seat {
  handle: ThreadHandle;
  restarts: number;
  nextDelayMs: number;
  /** Counters of the dead, so that the sums never fall. */
  buried: Counters;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Binds every backend in every thread.
 * @throws ListenError when an address cannot be had; nothing is left running then.
 */
export async function startDataPlane(options: DataPlaneOptions, listener: DataPlaneListener): Promise<DataPlane> {
  await checkListenAddresses(options.backends);
  const plane = new DataPlane(options, listener);
  try {
    await plane.listening();
  } catch (error) {
    await plane.close();
    throw error;
  }
  return plane;
}

/** All threads together. Made by `startDataPlane`. */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #listener: DataPlaneListener;
  readonly #seats: Seat[];
  readonly #heartbeat: NodeJS.Timeout;
  #snapshot: Snapshot;
  #credentials: Credentials | undefined;
  /** Until all threads listen for the first time: a death then is a failed start. */
  #starting: { readonly resolve: () => void; readonly reject: (cause: Error) => void } | undefined;
  /** Draining or closed: nobody is replaced. */
  #leaving = false;

  constructor(options: DataPlaneOptions, listener: DataPlaneListener) {
    this.#options = options;
    this.#listener = listener;
    this.#snapshot = options.snapshot;
    this.#credentials = options.credentials;
    this.#seats = Array.from({ length: Math.max(1, options.workers) }, (_, thread) => ({
      handle: this.#startThread(thread),
      restarts: 0,
      nextDelayMs: FIRST_RESTART_DELAY_MS,
      buried: NO_COUNTERS,
      timer: undefined,
    }));
    this.#heartbeat = setInterval(() => {
      for (const { handle } of this.#seats) handle.heartbeat();
    }, HEARTBEAT_MS);
  }

  /** Settles once: when all threads listen, or with what kept one from it. */
  listening(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      this.#onListening();
    });
  }

  publish(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const { handle } of this.#seats) handle.send({ kind: "snapshot", snapshot });
  }

  setCredentials(credentials: Credentials | undefined): void {
    this.#credentials = credentials;
    for (const { handle } of this.#seats) handle.send({ kind: "credentials", credentials });
  }

  /**
   * Lets what is in flight finish, up to `deadlineMs` from now. Threads are not replaced from here on.
   * @returns the connections that had to be cut; a thread that died in its drain counts as one at least.
   */
  async drain({ deadlineMs }: { readonly deadlineMs: number }): Promise<{ readonly cut: number }> {
    this.#leaving = true;
    const cuts = await Promise.all(this.#seats.map((seat) => drainSeat(seat, deadlineMs)));
    return { cut: cuts.reduce((sum, cut) => sum + cut, 0) };
  }

  async connections(): Promise<readonly ConnectionRow[]> {
    const rows = await Promise.all(this.#seats.map(({ handle }) => handle.connections()));
    return rows.flat();
  }

  /** Sums over all threads that ever were. */
  async counters(): Promise<Counters> {
    const living = this.#seats.filter(({ handle }) => handle.alive).map(({ handle }) => handle.counters());
    // Read before waiting: a thread that dies meanwhile answers with its last counters and is not buried twice.
    const buried = this.#seats.map((seat) => seat.buried);
    return sumCounters([...(await Promise.all(living)), ...buried]);
  }

  /** The oldest version that a listening thread still judges by; zero while none listens. */
  appliedVersion(): number {
    const versions = this.#seats.filter(({ handle }) => handle.listening).map(({ handle }) => handle.appliedVersion);
    return versions.length === 0 ? 0 : Math.min(...versions);
  }

  threads(): readonly ThreadInfo[] {
    return this.#seats.map(({ handle, restarts }) => ({
      thread: handle.thread,
      listening: handle.listening,
      startedAt: handle.startedAt,
      appliedVersion: handle.appliedVersion,
      restarts,
    }));
  }

  /** Ends all threads at once, with whatever they carry. */
  async close(): Promise<void> {
    this.#leaving = true;
    clearInterval(this.#heartbeat);
    for (const seat of this.#seats) clearTimeout(seat.timer);
    await Promise.all(this.#seats.map(({ handle }) => handle.terminate()));
  }

  #startThread(thread: number): ThreadHandle {
    const { backends, limits, workers, clientCertHeader, accessLog, tracing, threadEntry, maxHeapMb } = this.#options;
    const start = {
      thread,
      backends,
      limits: shareLimits(limits, Math.max(1, workers), thread),
      clientCertHeader,
      accessLog,
      ...(tracing !== undefined && { traceRatio: tracing.ratio }),
      snapshot: this.#snapshot,
      credentials: this.#credentials,
    };
    const listener = this.#listener;
    return new ThreadHandle(
      start,
      { entry: threadEntry ?? defaultEntry(), maxHeapMb: maxHeapMb ?? DEFAULT_MAX_HEAP_MB },
      {
        onListening: () => this.#onListening(),
        onRecords: listener.onRecords,
        onApplied: (version, revoked) => listener.onApplied?.(thread, version, revoked),
        onCredentials: (generation, problem) => listener.onCredentials?.(thread, generation, problem),
        onProblem: (message) => listener.onProblem?.(thread, message),
        onDeath: (cause) => this.#onDeath(thread, cause),
        onStuck: () => listener.onThreadStuck(thread),
      },
    );
  }

  #onListening(): void {
    if (this.#starting === undefined || !this.#seats.every(({ handle }) => handle.listening)) return;
    this.#starting.resolve();
    this.#starting = undefined;
  }

  #onDeath(thread: number, cause: Error): void {
    if (this.#starting !== undefined) {
      this.#starting.reject(cause);
      this.#starting = undefined;
      return;
    }
    const seat = this.#seats[thread];
    if (seat === undefined) return;
    seat.buried = sumCounters([seat.buried, seat.handle.lastCounters]);
    if (this.#leaving) return;
    const steady = Date.now() - seat.handle.startedAt >= STEADY_AFTER_MS;
    const restartInMs = steady ? FIRST_RESTART_DELAY_MS : seat.nextDelayMs;
    seat.nextDelayMs = Math.min(restartInMs * 2, LONGEST_RESTART_DELAY_MS);
    seat.timer = setTimeout(() => {
      seat.handle = this.#startThread(thread);
      seat.restarts += 1;
    }, restartInMs);
    this.#listener.onThreadLost({ thread, cause, restartInMs });
  }
}

async function drainSeat(seat: Seat, deadlineMs: number): Promise<number> {
  clearTimeout(seat.timer);
  let guard: NodeJS.Timeout | undefined;
  const hung = new Promise<number>((resolve) => {
    guard = setTimeout(resolve, deadlineMs + DRAIN_SLACK_MS, 1);
  });
  const cut = await Promise.race([seat.handle.drain(deadlineMs), hung]);
  clearTimeout(guard);
  return cut;
}

/** The bundle has the thread beside it as thread.mjs. */
function defaultEntry(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "../thread/thread.ts" : "./thread.mjs", import.meta.url);
}
