/**
 * The control side's end of one data-plane worker, from its start to its end. It reports that the worker is lost or lags
 * behind; what follows from that is decided by its slot.
 */
import { setImmediate as afterEvents, setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { LineBatch } from "../../telemetry/log-output.ts";
import type { ConnectionRow, Counters, PeerRow, RequestRecord } from "../../telemetry/records.ts";
import type { Snapshot } from "../../policy/snapshot.ts";
import type { Credentials } from "../../tls/credentials.ts";
import type { TicketProblem, TicketSecret } from "../../tls/session-tickets.ts";
import { NO_COUNTERS } from "../counters.ts";
import { ANSWER_MS, type Answers } from "./answers.ts";
import { AppliedState, type ThreadLag } from "./applied-state.ts";
import { closeConnections } from "./close-connections.ts";
import { ListenError } from "./listen-check.ts";
import { PendingReports, type Report } from "./pending-reports.ts";
import type { ThreadMessage, ReportKind, ThreadEvent, ThreadStart } from "../messages.ts";

/** Unanswered heartbeats, one a second, after which a thread counts as hung. */
const MISSED_HEARTBEATS = 5;
/** The same for one that does not listen yet: loading its modules takes long on a node that starts many pods at once. */
const MISSED_AT_START = 60;
/**
 * http-proxy uses util._extend, of which Node warns at a thread's first WebSocket. Not by `execArgv`: that would take every
 * other option of the command line (`--cpu-prof`) from the thread.
 */
const KNOWN_WARNING = /^(?:\(node:\d+\) )?\[DEP0060\] .*\n?(?:\(Use `node --trace-deprecation .*\n?)?/m;
const TERMINATE_PATIENCE_MS = 1_000;
/** How long a lost thread may take to end before it counts as one that cannot be ended. */
const STUCK_AFTER_MS = 5_000;
export interface ThreadEvents {
  readonly onListening: () => void;
  /** @param taken called when the batch is out or given up */
  readonly onLines: (batch: LineBatch, taken: () => void) => void;
  readonly onSpans: (records: readonly RequestRecord[]) => void;
  readonly onProblem: (message: string) => void;
  readonly onTicketProblem: (problem: TicketProblem) => void;
  /** The worker has ended, or is being ended because it does not respond. Called once. */
  readonly onLost: (cause: Error) => void;
  /** Something could not be applied, or is late; the latter is repeated at each heartbeat. */
  readonly onLag: (lag: ThreadLag) => void;
  /**
   * The lost thread does not end: it is inside a native call. Its listeners live on, so the kernel still gives it its share
   * of the connections, which nobody accepts, and nothing but the end of the process stops that. Called once at most.
   */
  readonly onStuck: () => void;
}

/** One worker that nobody else has. Its successor is another handle. */
export class ThreadHandle {
  readonly thread: number;
  readonly startedAt = Date.now();
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  readonly #reports = new PendingReports();
  #sequence = 0;
  #unanswered = 0;
  readonly #applied: AppliedState;
  /** Generation of the credentials that it was started with; zero without any. */
  readonly startGeneration: number;
  #counters = NO_COUNTERS;
  #listening = false;
  #alive = true;
  #drained: ((cut: number) => void) | undefined;

  constructor(start: ThreadStart, worker: Worker, events: ThreadEvents) {
    this.thread = start.thread;
    this.#events = events;
    this.#applied = new AppliedState(start);
    this.startGeneration = start.credentials?.generation ?? 0;
    this.#worker = worker;
    // What Node itself prints in the worker (warnings) reaches the log as a line of ours.
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        const problem = text.replace(KNOWN_WARNING, "").trim();
        if (problem !== "") events.onProblem(problem);
      });
    }
    this.#worker.on("message", (event: ThreadEvent) => this.#handle(event));
    this.#worker.on("error", (error) => this.#fail(asError(error), "ending"));
    this.#worker.on("exit", (code) => this.#fail(new Error(`exited with code ${code}`), "ending"));
    this.#send({ kind: "start", start });
  }

  get alive(): boolean {
    return this.#alive;
  }

  get listening(): boolean {
    return this.#alive && this.#listening;
  }

  get appliedVersion(): number {
    return this.#applied.snapshotVersion;
  }

  /** Generation of the credentials in force; zero without any, `undefined` when none could be applied. */
  get appliedGeneration(): number | undefined {
    return this.#applied.credentialsGeneration;
  }

  /** What it should have in force and has not. */
  get lag(): ThreadLag | undefined {
    return this.#applied.lag;
  }

  /** As of the last heartbeat or report; those of a lost thread without its open connections. */
  get lastCounters(): Counters {
    return this.#alive ? this.#counters : { ...this.#counters, open: {} };
  }

  publish(snapshot: Snapshot): void {
    this.#applied.sent("snapshot", snapshot.version);
    this.#send({ kind: "snapshot", snapshot });
  }

  setCredentials(credentials: Credentials | undefined): void {
    this.#applied.sent("credentials", credentials?.generation ?? 0);
    this.#send({ kind: "credentials", credentials });
  }

  setTicketSecret(secret: TicketSecret | undefined): void {
    this.#send({ kind: "ticket-secret", secret });
  }

  /** Ends the worker as one that is lost. */
  end(cause: Error): void {
    this.#fail(cause, "running");
  }

  #send(command: ThreadMessage): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
    if (this.#alive) this.#worker.postMessage(command);
  }

  /** Called once a second. Counts pings and not time, so that a busy control thread does not blame this one. */
  heartbeat(): void {
    const patience = this.#listening ? MISSED_HEARTBEATS : MISSED_AT_START;
    if (this.#unanswered >= patience) {
      this.#fail(new Error(`no answer to ${patience} heartbeats`), "running");
      return;
    }
    // Until it listens it judges nobody.
    if (this.#listening) this.#applied.heartbeat();
    const { late } = this.#applied;
    if (late !== undefined) this.#events.onLag(late);
    this.#unanswered += 1;
    this.#sequence += 1;
    this.#send({ kind: "ping", sequence: this.#sequence });
  }

  /** Asks the thread; of one that is lost or does not answer in time, what is known. */
  async counters(patienceMs = ANSWER_MS): Promise<Answers<Counters>> {
    const report = await this.#report("counters", patienceMs);
    return this.#answer(report, report?.kind === "counters" ? report.counters : this.lastCounters);
  }

  async connections(): Promise<Answers<readonly ConnectionRow[]>> {
    const report = await this.#report("connections", ANSWER_MS);
    return this.#answer(report, report?.kind === "connections" ? report.rows : []);
  }

  async peers(): Promise<Answers<readonly PeerRow[]>> {
    const report = await this.#report("peers", ANSWER_MS);
    return this.#answer(report, report?.kind === "peers" ? report.rows : []);
  }

  /** A lost thread has nothing to say, and is missed by nobody. */
  #answer<Told>(report: Report | undefined, told: Told): Answers<Told> {
    return { told, silent: report === undefined && this.#alive ? [this.thread] : [] };
  }

  /** @returns how many connections were cut: one at least when the thread was lost over it. */
  drain(deadlineMs: number): Promise<number> {
    if (!this.#alive) return Promise.resolve(0);
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#send({ kind: "drain", deadlineMs });
    });
  }

  /** Waits for the worker's end, but not for ever: Node's clean-up of a worker can wait for a write that never completes. */
  async terminate(): Promise<void> {
    this.#alive = false;
    this.#release();
    await Promise.race([this.#worker.terminate(), delay(TERMINATE_PATIENCE_MS, undefined, { ref: false })]);
  }

  #report(what: ReportKind, patienceMs: number): Promise<Report | undefined> {
    if (!this.#alive) return Promise.resolve(undefined);
    return this.#reports.ask(patienceMs, (id) => this.#send({ kind: "report", id, what }));
  }

  #handle(event: ThreadEvent): void {
    switch (event.kind) {
      case "listening":
        this.#listening = true;
        this.#unanswered = 0;
        this.#events.onListening();
        break;
      case "listen-failed":
        this.#fail(new ListenError(event.port, event.listen, event.code, event.message), "running");
        break;
      case "applied":
        this.#applied.applied("snapshot", event.version);
        break;
      case "credentials-applied":
        this.#applied.applied("credentials", event.generation);
        break;
      case "credentials-failed":
        this.#events.onLag(this.#applied.failed("credentials", event.generation, event.message));
        break;
      case "pong":
        this.#unanswered = 0;
        this.#counters = event.counters;
        break;
      case "problem":
        this.#events.onProblem(event.message);
        break;
      case "ticket-problem":
        this.#events.onTicketProblem(event.problem);
        break;
      case "lines":
        this.#events.onLines(event.batch, () => this.#send({ kind: "lines-taken" }));
        break;
      case "spans":
        this.#events.onSpans(event.records);
        break;
      case "counters":
        this.#counters = event.counters;
        this.#reports.settle(event);
        break;
      case "connections":
      case "peers":
        this.#reports.settle(event);
        break;
      case "drained":
        this.#drained?.(event.cut);
        break;
    }
  }

  /** Nobody waits for the responses of a lost thread. */
  #release(): void {
    this.#reports.release();
    this.#drained?.(1);
  }

  #fail(cause: Error, worker: "running" | "ending"): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#release();
    void this.#watchEnd(worker);
    this.#events.onLost(cause);
  }

  /** A worker that ends by itself has closed its connections, and a debugger that attaches to it meanwhile ends the process. */
  async #watchEnd(worker: "running" | "ending"): Promise<void> {
    if (worker === "running" && this.#unanswered > 0) await closeConnections(this.#worker);
    const ended = this.#worker.terminate().then(() => true);
    // The end of a thread is an event: after a busy time of the control thread it waits behind the timer.
    const late = delay(STUCK_AFTER_MS, false, { ref: false }).then((value) => afterEvents(value));
    if (!(await Promise.race([ended, late]))) this.#events.onStuck();
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
