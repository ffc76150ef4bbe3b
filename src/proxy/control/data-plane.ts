/**
 * The control side of the data plane: starts a thread per allotted CPU, hands all of them the same policy and
 * credentials, and replaces the one that is lost or lags behind while the others serve.
 */
import type { Worker } from "node:worker_threads";
import type { BackendConfig, ClientCertHeader, Limits, TracingConfig } from "../../config/config.ts";
import type { Snapshot } from "../../policy/snapshot.ts";
import type { LogLevel } from "../../telemetry/log.ts";
import type { LineBatch } from "../../telemetry/log-output.ts";
import type { ConnectionRow, Counters, PeerRow, RequestRecord } from "../../telemetry/records.ts";
import { definedFields } from "../../telemetry/defined-fields.ts";
import type { Credentials } from "../../tls/credentials.ts";
import type { TicketSecret } from "../../tls/session-tickets.ts";
import { sumCounters } from "../counters.ts";
import { unitePeers } from "../peers.ts";
import { unite, type Answers } from "./answers.ts";
import type { ThreadLag } from "./applied-state.ts";
import { shareLimits } from "./limit-shares.ts";
import { settleListenAddresses } from "./listen-check.ts";
import { SessionTickets } from "./session-tickets.ts";
import { ThreadHandle, type ThreadEvents } from "./thread-handle.ts";
import { ThreadSlot } from "./thread-slot.ts";
import { startThreadWorker, type ThreadWorkerOptions } from "./thread-worker.ts";

const HEARTBEAT_MS = 1_000;

export interface DataPlaneOptions extends ThreadWorkerOptions {
  readonly backends: readonly BackendConfig[];
  /** For the whole process; divided among the threads. */
  readonly limits: Limits;
  /** Threads; at least one. */
  readonly workers: number;
  readonly clientCertHeader: ClientCertHeader;
  readonly accessLog: boolean;
  readonly logLevel: LogLevel;
  /** Absent: requests have no spans. */
  readonly tracing?: TracingConfig;
  readonly snapshot: Snapshot;
  /** Absent: https backends are closed. */
  readonly credentials: Credentials | undefined;
  /** Sessions are resumed by tickets; off unless told. */
  readonly tlsResumption?: boolean;
  /** Hands over the worker of a thread that boots already; `undefined`: one is started. */
  readonly earlyWorker?: (thread: number) => Worker | undefined;
}

export interface ThreadLost {
  readonly thread: number;
  readonly cause: Error;
  readonly restartInMs: number;
}

/** A thread does not have in force what was published. */
export interface ThreadLagging {
  readonly thread: number;
  readonly lag: ThreadLag;
  /** When it is replaced. Absent where a successor could do no better: this one refuses all TLS. */
  readonly restartInMs?: number;
}

export interface DataPlaneListener {
  /** @param taken to be called when the batch is out or given up: the thread makes so many lines and no more before that */
  readonly onLines: (batch: LineBatch, taken: () => void) => void;
  /** Requests that are sampled in their trace. */
  readonly onSpans: (records: readonly RequestRecord[]) => void;
  readonly onThreadLost: (lost: ThreadLost) => void;
  readonly onThreadLagging: (lagging: ThreadLagging) => void;
  /** A lost thread that cannot be ended keeps taking connections and serves none: the process must end. */
  readonly onThreadStuck: (thread: number) => void;
  /** Client certificates are good by intermediates that no session holds. Sessions are resumed again when the trusted CAs change. */
  readonly onResumptionEnded?: () => void;
  /** For the log: accept failures, and what Node prints in a thread. */
  readonly onProblem?: (thread: number, message: string) => void;
}

export interface ThreadInfo {
  readonly thread: number;
  readonly listening: boolean;
  readonly startedAt: number;
  readonly appliedVersion: number;
  /** Of the credentials in force; zero without any, absent when none could be applied. */
  readonly appliedGeneration?: number;
  readonly restarts: number;
  /** What it, or the one that it replaces and that still serves, does not have in force. */
  readonly lag?: ThreadLag;
}

/**
 * Binds every backend in every thread.
 * @throws ListenError when an address cannot be had; nothing is left running then.
 */
export async function startDataPlane(options: DataPlaneOptions, listener: DataPlaneListener): Promise<DataPlane> {
  const backends = await settleListenAddresses(options.backends);
  const plane = new DataPlane({ ...options, backends }, listener);
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
  readonly #slots: readonly ThreadSlot[];
  readonly #heartbeat: NodeJS.Timeout;
  #snapshot: Snapshot;
  #credentials: Credentials | undefined;
  /** Absent: no TLS session is resumed. */
  readonly #tickets: SessionTickets | undefined;
  /** Until all threads listen for the first time: a lost thread then is a failed start. */
  #starting: { readonly resolve: () => void; readonly reject: (cause: Error) => void } | undefined;
  /** Draining or closed: no thread is replaced. */
  #stopping = false;

  constructor(options: DataPlaneOptions, listener: DataPlaneListener) {
    this.#options = options;
    this.#listener = listener;
    this.#snapshot = options.snapshot;
    this.#credentials = options.credentials;
    if (options.tlsResumption === true)
      this.#tickets = new SessionTickets(options.credentials?.trust, (secret) => this.#publishSecret(secret));
    this.#slots = Array.from({ length: Math.max(1, options.workers) }, (_, thread) => this.#createSlot(thread));
    this.#heartbeat = setInterval(() => {
      for (const slot of this.#slots) slot.heartbeat();
    }, HEARTBEAT_MS);
  }

  /** With the addresses that are really listened on. */
  get backends(): readonly BackendConfig[] {
    return this.#options.backends;
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
    for (const { running } of this.#slots) for (const handle of running) handle.publish(snapshot);
  }

  setCredentials(credentials: Credentials | undefined): void {
    this.#credentials = credentials;
    this.#tickets?.trusting(credentials?.trust);
    for (const { running } of this.#slots) for (const handle of running) handle.setCredentials(credentials);
  }

  #publishSecret(secret: TicketSecret | undefined): void {
    for (const { running } of this.#slots) for (const handle of running) handle.setTicketSecret(secret);
  }

  /**
   * Lets what is in flight finish, up to `deadlineMs` from now. Threads are not replaced from here on.
   * @returns the connections that had to be cut; a thread that was lost in its drain counts as one at least.
   */
  async drain({ deadlineMs }: { readonly deadlineMs: number }): Promise<{ readonly cut: number }> {
    this.#stopping = true;
    const cuts = await Promise.all(this.#slots.map((slot) => slot.drain(deadlineMs)));
    return { cut: cuts.reduce((sum, cut) => sum + cut, 0) };
  }

  connections(): Promise<Answers<readonly ConnectionRow[]>> {
    return unite(
      this.#slots.map((slot) => slot.connections()),
      (rows) => rows.flat(),
    );
  }

  /** Distinct callers of late, as all threads remember them; most recent first. */
  peers(): Promise<Answers<readonly PeerRow[]>> {
    return unite(
      this.#slots.map((slot) => slot.peers()),
      (rows) => unitePeers(rows.flat()),
    );
  }

  /** Sums over all threads that ever were; of a silent one as of its last heartbeat. */
  counters(): Promise<Answers<Counters>> {
    return unite(
      this.#slots.map((slot) => slot.counters()),
      sumCounters,
    );
  }

  /** The oldest version that a listening thread still judges by; zero while none listens. */
  appliedVersion(): number {
    const listening = this.#slots.flatMap(({ running }) => running.filter((handle) => handle.listening));
    const versions = listening.map(({ appliedVersion }) => appliedVersion);
    return versions.length === 0 ? 0 : Math.min(...versions);
  }

  threads(): readonly ThreadInfo[] {
    return this.#slots.map(({ current, restarts, lag }) => ({
      thread: current.thread,
      listening: current.listening,
      startedAt: current.startedAt,
      appliedVersion: current.appliedVersion,
      ...definedFields({ appliedGeneration: current.appliedGeneration, lag }),
      restarts,
    }));
  }

  /** Ends all threads at once, with whatever they carry. */
  async close(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#heartbeat);
    this.#tickets?.stop();
    await Promise.all(this.#slots.map((slot) => slot.close()));
  }

  #createSlot(thread: number): ThreadSlot {
    const listener = this.#listener;
    return new ThreadSlot({
      start: (events) => this.#startThread(thread, events),
      events: {
        onListening: () => this.#onListening(),
        onLines: listener.onLines,
        onSpans: listener.onSpans,
        onProblem: (message) => listener.onProblem?.(thread, message),
        onTicketProblem: (problem) => {
          if (this.#tickets?.reported(problem) === true) listener.onResumptionEnded?.();
        },
        onStuck: () => listener.onThreadStuck(thread),
      },
      // What it carries was admitted by rights that may be gone: it has as long as a connection whose right is lost.
      replaceDeadlineMs: this.#options.limits.revokeGraceMs,
      onLost: (cause) => this.#onLost(cause),
      onLag: () => this.#starting === undefined && !this.#stopping,
      onReplaced: (reason) => {
        if (reason.kind === "lost") listener.onThreadLost({ thread, ...reason });
        else listener.onThreadLagging({ thread, ...reason });
      },
    });
  }

  #startThread(thread: number, events: ThreadEvents): ThreadHandle {
    const { backends, limits, workers, clientCertHeader, tracing, earlyWorker } = this.#options;
    const start = {
      thread,
      backends,
      limits: shareLimits(limits, Math.max(1, workers), thread),
      clientCertHeader,
      accessLog: this.#options.accessLog,
      logLevel: this.#options.logLevel,
      ...(tracing !== undefined && { traceRatio: tracing.ratio }),
      snapshot: this.#snapshot,
      credentials: this.#credentials,
      ticketSecret: this.#tickets?.secret,
    };
    return new ThreadHandle(start, earlyWorker?.(thread) ?? startThreadWorker(thread, this.#options), events);
  }

  #onListening(): void {
    if (this.#starting === undefined || !this.#slots.every(({ current }) => current.listening)) return;
    this.#starting.resolve();
    this.#starting = undefined;
  }

  /** @returns whether the thread is replaced */
  #onLost(cause: Error): boolean {
    if (this.#starting === undefined) return !this.#stopping;
    this.#starting.reject(cause);
    this.#starting = undefined;
    return false;
  }
}
