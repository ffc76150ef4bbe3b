/**
 * One data-plane thread: its listeners, its connections and what is in force for them. Driven by the commands of the
 * control side, which is the only other party it knows.
 */
import { performance } from "node:perf_hooks";
import type { Socket } from "node:net";
import { addressText, type BackendConfig, type ForwardMode } from "../../config/config.ts";
import { peerAddress } from "../../policy/address/peer-address.ts";
import { ownCertificate } from "../../tls/credentials/credentials-life.ts";
import type { Credentials } from "../../tls/credentials.ts";
import { AcceptedConnection } from "../connection/accepted-connection.ts";
import { connectionRow } from "../connection/connection-row.ts";
import { serveConnection, type ConnectionParts } from "../connection/serve-connection.ts";
import { ConnectionTable } from "../connection/connection-table.ts";
import { ThreadCounters } from "../counters.ts";
import { contain, type CallbackFault } from "../forward/boundary.ts";
import type { Forwarder } from "../forward/forwarder.ts";
import { Handshakes } from "../connection/handshakes.ts";
import { HttpForwarder } from "../http/http-forwarder.ts";
import { spanMaker } from "../http/exchange/trace-context.ts";
import { drainThread } from "./drain.ts";
import { Journal } from "./journal.ts";
import { expiryOf, judgeExpiry, nextEndOf } from "../connection/lost-trust.ts";
import { LiveTrust } from "../connection/live-trust.ts";
import { Listener } from "./listener.ts";
import { LiveState } from "./live-state.ts";
import type { ReportKind, ThreadCommand, ThreadEvent, ThreadStart } from "../messages.ts";
import { PeerMemory } from "../connection/peer-memory.ts";
import { Resumption } from "../connection/resumption.ts";
import { Slices } from "../connection/slices.ts";
import { SourceLimits } from "../connection/source-limits.ts";
import { StreamForwarder } from "../stream/stream-forwarder.ts";

/** How often certificates that expire and graces that run out are looked for. */
const SWEEP_MS = 500;

/** Runs until its worker ends. */
export class DataThread {
  readonly #start: ThreadStart;
  readonly #post: (event: ThreadEvent) => void;
  readonly #slices: Slices;
  readonly #table: ConnectionTable;
  readonly #handshakes: Handshakes;
  readonly #trust: LiveTrust;
  readonly #counters = new ThreadCounters();
  readonly #peers = new PeerMemory();
  readonly #journal: Journal;
  readonly #stream: StreamForwarder;
  /** By backend port and mode: each application has connections of its own. */
  readonly #http = new Map<string, Forwarder>();
  readonly #parts: ConnectionParts;
  readonly #idPrefix: string;
  readonly #state: LiveState;
  /** When the next audit of the snapshot ends; milliseconds since the epoch. */
  #auditEnds = Number.POSITIVE_INFINITY;
  #listeners: readonly Listener[] = [];
  #accepted = 0;
  #draining = false;

  constructor(start: ThreadStart, post: (event: ThreadEvent) => void) {
    const { limits, thread } = start;
    this.#start = start;
    this.#post = post;
    this.#state = new LiveState(start.snapshot);
    this.#auditEnds = this.#state.endOfAudit(Date.now());
    // The successor of a lost thread counts its connections from one again: its start time makes their ids differ.
    this.#idPrefix = `${thread}-${Date.now().toString(36)}-`;
    this.#slices = new Slices(this.#problem);
    this.#table = new ConnectionTable(limits.revokeGraceMs, this.#slices, (connection, reason) =>
      this.#journal.wouldRefuse(connection, reason),
    );
    this.#handshakes = new Handshakes(limits.handshakeTimeoutMs);
    this.#handshakes.setTicketSecret(start.ticketSecret);
    this.#trust = new LiveTrust(this.#table, this.#slices);
    this.#journal = new Journal({
      thread,
      limits,
      accessLog: start.accessLog,
      logLevel: start.logLevel,
      counters: this.#counters,
      state: this.#state,
      post,
    });
    this.#stream = new StreamForwarder(limits);
    this.#parts = {
      limits,
      clientCertHeader: start.clientCertHeader,
      state: this.#state,
      onWouldRefuse: (connection, reason) => this.#journal.wouldRefuse(connection, reason),
      limiter: new SourceLimits(limits),
      handshakes: this.#handshakes,
      onSecured: (port, durationMs) => this.#counters.secured(port, durationMs),
      trust: this.#trust,
      resumption: new Resumption(this.#trust, (problem) => post({ kind: "ticket-problem", problem })),
      table: this.#table,
      forwarder: (mode, backend) => this.#forwarder(mode, backend),
      draining: () => this.#draining,
    };
    this.#applyCredentials(start.credentials);
    const sweep = contain("thread sweep", this.#problem, () => this.#sweep());
    setInterval(sweep, SWEEP_MS).unref();
  }

  /** A fault that belongs to no connection, or to one that is over. */
  readonly #problem = (fault: Error): void => this.#post({ kind: "problem", message: fault.message });

  /** Binds every backend and says so, or says which one could not be bound. */
  async listen(): Promise<void> {
    const events = {
      onConnection: (socket: Socket, backend: BackendConfig): void => {
        // Without a connection that could end it, nothing but the socket is left to close.
        const giveUp = (fault: Error): void => {
          socket.destroy();
          this.#problem(fault);
        };
        contain("thread accept", giveUp, () => this.#accept(socket, backend))();
      },
      onAcceptError: (message: string): void => this.#post({ kind: "problem", message: `cannot accept on ${message}` }),
    };
    const listeners: Listener[] = [];
    for (const backend of this.#start.backends) {
      try {
        listeners.push(await Listener.bind(backend, events));
      } catch (error) {
        const { code = "", message } = error as NodeJS.ErrnoException;
        const listen = addressText(backend.listen);
        this.#post({ kind: "listen-failed", port: backend.port, listen, code, message });
        return;
      }
    }
    this.#listeners = listeners;
    this.#post({ kind: "listening" });
  }

  handle(command: ThreadCommand): void {
    switch (command.kind) {
      case "snapshot":
        this.#state.snapshot = command.snapshot;
        this.#rejudge(Date.now());
        this.#post({ kind: "applied", version: command.snapshot.version });
        break;
      case "credentials":
        this.#applyCredentials(command.credentials);
        break;
      case "ticket-secret":
        this.#handshakes.setTicketSecret(command.secret);
        break;
      case "drain":
        // A fault in the drain is a fault of the thread: unhandled, it ends the worker and is reported by it.
        void this.#drain(command.deadlineMs);
        break;
      case "lines-taken":
        this.#journal.linesTaken();
        break;
      case "ping":
        this.#post({ kind: "pong", sequence: command.sequence, counters: this.#counters.read(this.#table) });
        break;
      case "report":
        this.#report(command.id, command.what);
        break;
    }
  }

  /** For the end of the thread: all sockets at once, without drain or record. */
  closeConnections(): void {
    for (const connection of this.#table) contain("thread close", this.#problem, () => connection.destroy())();
  }

  #rejudge(now: number): void {
    this.#auditEnds = this.#state.endOfAudit(now);
    this.#table.rejudge(this.#state.snapshot, { now });
  }

  #report(id: number, what: ReportKind): void {
    if (what === "counters") {
      this.#post({ kind: "counters", id, counters: this.#counters.read(this.#table) });
      return;
    }
    if (what === "peers") {
      this.#post({ kind: "peers", id, rows: this.#peers.rows(this.#table, Date.now()) });
      return;
    }
    const rows = [...this.#table].map((connection) => connectionRow(connection, this.#start.thread));
    this.#post({ kind: "connections", id, rows });
  }

  #accept(socket: Socket, backend: BackendConfig): void {
    this.#accepted += 1;
    // Read once: after a reset it is undefined, and such a peer is refused.
    const address = peerAddress(socket.remoteAddress);
    const connection = new AcceptedConnection(this.#idPrefix + this.#accepted, backend, socket, address);
    this.#counters.opened(backend.port);
    this.#table.accept(connection);
    const onFault = (fault: Error): void => connection.fault(fault);
    socket.on(
      "error",
      contain("connection error", onFault, (error: NodeJS.ErrnoException) => connection.failed(error)),
    );
    const giveUp = (fault: CallbackFault): void => {
      this.#table.leave(connection);
      this.#problem(fault);
    };
    const conclude = contain("connection conclude", giveUp, () => this.#conclude(connection));
    // The TLS socket above, if any, closes in the same turn and has the better reason. Those that lost
    // a right are cut before any record is written.
    socket.once("close", () => setImmediate(() => this.#slices.afterwards(conclude)));
    void serveConnection(connection, this.#parts);
  }

  #forwarder(mode: ForwardMode, backend: BackendConfig): Forwarder {
    if (mode === "stream") return this.#stream;
    const key = `${backend.port}|${mode}`;
    let forwarder = this.#http.get(key);
    if (forwarder === undefined) {
      const { limits, traceRatio } = this.#start;
      forwarder = new HttpForwarder({
        backend,
        upstreamHttp2: mode === "h2c",
        limits,
        sink: this.#journal,
        newSpan: traceRatio === undefined ? undefined : spanMaker(traceRatio),
      });
      this.#http.set(key, forwarder);
    }
    return forwarder;
  }

  #conclude(connection: AcceptedConnection): void {
    connection.closed();
    this.#table.leave(connection);
    this.#peers.note(connection, Date.now());
    this.#journal.concluded(connection);
  }

  /** Where they cannot be applied the former ones must not stay in force: a CA that was removed would go on being trusted. */
  #applyCredentials(credentials: Credentials | undefined): void {
    const generation = credentials?.generation ?? 0;
    let problem: string | undefined;
    try {
      this.#handshakes.setCredentials(credentials);
    } catch (error) {
      problem = String(error);
      this.#handshakes.setCredentials(undefined);
    }
    this.#state.certificate = ownCertificate(problem === undefined ? credentials : undefined, problem);
    this.#trust.apply(credentials);
    if (problem === undefined) this.#post({ kind: "credentials-applied", generation });
    else this.#post({ kind: "credentials-failed", generation, message: problem });
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#draining = true;
    const cut = await drainThread(this.#table, this.#listeners, deadlineMs);
    this.#journal.flush();
    this.#post({ kind: "drained", cut });
  }

  #sweep(): void {
    const now = Date.now();
    if (now >= this.#auditEnds) this.#rejudge(now);
    this.#table.enforceGrace(performance.now());
    this.#endExpired(now);
    const end = this.#nextEnd(now);
    if (end >= now + SWEEP_MS) return;
    const expired = contain("thread expiry", this.#problem, () => this.#endExpired(Date.now()));
    // What ends is good for the whole of its last millisecond.
    setTimeout(expired, end - now + 1).unref();
  }

  #endExpired(now: number): void {
    this.#trust.sweep(now);
    for (const connection of this.#table) {
      if (expiryOf(connection) >= now) continue;
      this.#table.revokeIf((one) => judgeExpiry(one, now));
      return;
    }
  }

  /** The first end of a certificate, a CA or a list that is yet to come; milliseconds since the epoch. */
  #nextEnd(now: number): number {
    let next = this.#trust.nextEnd;
    for (const connection of this.#table) {
      next = Math.min(next, nextEndOf(connection, now));
    }
    return next;
  }
}
