/**
 * Every ended connection and every exchange passes here once: counted always, written down within the limits. Log lines are
 * made here and handed to the control side as text; spans go there as records.
 */
import { performance } from "node:perf_hooks";
import { LRUCache } from "lru-cache";
import type { Limits } from "../../config/config.ts";
import type { AuditedReason, Peer } from "../../policy/decision.ts";
import { nearestTo } from "../../policy/explain/nearest.ts";
import type { ServiceState } from "../../policy/service-state.ts";
import type { LogLevel } from "../../telemetry/log.ts";
import type { ConnectionRecord, RequestFacts, RequestRecord } from "../../telemetry/records.ts";
import { headlineOfConnection, headlineOfRequest, isWritten } from "../../telemetry/severity.ts";
import { writeConnectionLine, writeRequestLine, writeWouldRefuseLine } from "../../telemetry/traffic-lines.ts";
import type { AcceptedConnection } from "../connection/accepted-connection.ts";
import { admissionOf, causeOf, ORDERLY } from "../connection/connection-phase.ts";
import { presentedNames } from "../connection/connection-row.ts";
import type { ThreadCounters } from "../counters.ts";
import type { Connection, TrafficSink } from "../forward/forwarder.ts";
import { RateBudget } from "../connection/rate-budget.ts";
import type { ThreadEvent } from "../messages.ts";
import { Callers } from "./callers.ts";
import { LineBatches } from "./line-batches.ts";

const SPANS_DELAY_MS = 100;
const SPANS_AT_ONCE = 256;
const REMEMBERED_SOURCES = 8_192;

export interface JournalOptions {
  readonly thread: number;
  readonly limits: Limits;
  /** Off: ordinary ends and responses are counted only; refusals and faults are still written. */
  readonly accessLog: boolean;
  /** Lines below it are not made. */
  readonly logLevel: LogLevel;
  readonly counters: ThreadCounters;
  readonly state: ServiceState;
  readonly post: (event: Extract<ThreadEvent, { readonly kind: "lines" | "spans" }>) => void;
}

/** Turns what happened into counters, log lines and spans. */
export class Journal implements TrafficSink {
  readonly #options: JournalOptions;
  readonly #refusals: RateBudget;
  readonly #suppressed = new LRUCache<string, number>({ max: REMEMBERED_SOURCES });
  readonly #callers: Callers;
  readonly #lines: LineBatches;
  #spans: RequestRecord[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: JournalOptions) {
    const { counters, limits, post } = options;
    this.#options = options;
    this.#refusals = new RateBudget(limits.refusalLogsPerSecond);
    this.#callers = new Callers(options.thread);
    this.#lines = new LineBatches(
      (batch) => post({ kind: "lines", batch }),
      () => counters.lineLost(),
    );
  }

  /** Writes the one line of a connection whose socket is closed. */
  concluded(connection: AcceptedConnection): void {
    const { end, refusal } = causeOf(connection.phase) ?? ORDERLY;
    const reason = refusal?.reason;
    const { counters, accessLog, logLevel } = this.#options;
    counters.closed(connection.port, end, reason, connection.bytesIn, connection.bytesOut);
    if (end === "served" && !accessLog) return;
    const suppressed = isUnwelcome(end) ? this.#admitRefusal(connection.address) : 0;
    if (suppressed === undefined) return;
    if (!isWritten(headlineOfConnection(end).severity, logLevel)) return;
    const text = this.#lines.forLine();
    if (text === undefined) return;
    writeConnectionLine(text, this.#connectionRecord(connection, suppressed), Date.now());
    this.#lines.written();
  }

  exchange(facts: RequestFacts, connection: Connection): void {
    const { counters, accessLog } = this.#options;
    counters.exchanged(connection.backend.port, facts.status, facts.reason, facts.durationMs);
    if (facts.span !== undefined) this.#keepSpan({ ...this.#callers.of(connection).caller, ...facts });
    if (facts.reason !== undefined || accessLog) this.#writeRequest(facts, connection, undefined, 0);
  }

  forbidden(facts: RequestFacts, connection: Connection): void {
    const { backend, peer, decision } = connection;
    this.#options.counters.exchanged(backend.port, facts.status, facts.reason, facts.durationMs);
    // The limit is one of lines: a sampled trace keeps its span.
    if (facts.span !== undefined) this.#keepSpan({ ...this.#callers.of(connection).caller, ...facts });
    const suppressed = this.#admitRefusal(connection.address);
    if (suppressed === undefined) return;
    const nearest =
      decision.verdict === "forward" ? undefined : nearestTo(this.#options.state, backend.port, peer, decision.reason);
    this.#writeRequest(facts, connection, nearest, suppressed);
  }

  /** One that audit let in: counted always, written within the limits of refusals. */
  wouldRefuse(connection: AcceptedConnection, reason: AuditedReason): void {
    const { counters, logLevel, state, thread } = this.#options;
    counters.wouldRefuse(connection.port, reason);
    const suppressed = this.#admitRefusal(connection.address);
    if (suppressed === undefined || !isWritten("warn", logLevel)) return;
    const text = this.#lines.forLine();
    if (text === undefined) return;
    const { id, port, address, peer, facts, decision } = connection;
    const nearest = nearestTo(state, port, peer, reason);
    const { policy } = decision;
    const sans = presentedNames(connection);
    writeWouldRefuseLine(
      text,
      { id, thread, port, address, reason, policy, sni: facts.sni, sans, nearest, suppressed },
      Date.now(),
    );
    this.#lines.written();
  }

  /** The output has taken the oldest batch of lines. */
  linesTaken(): void {
    this.#lines.taken();
  }

  /** Posts what is waiting. */
  flush(): void {
    this.#lines.flush();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#spans.length === 0) return;
    const records = this.#spans;
    this.#spans = [];
    this.#options.post({ kind: "spans", records });
  }

  /** How many refusals of this source went unwritten before this one; `undefined` when this one is not written either. */
  #admitRefusal(address: string): number | undefined {
    const suppressed = this.#suppressed.get(address) ?? 0;
    if (!this.#refusals.take(address, performance.now())) {
      this.#suppressed.set(address, suppressed + 1);
      return undefined;
    }
    this.#suppressed.delete(address);
    return suppressed;
  }

  #writeRequest(facts: RequestFacts, connection: Connection, nearest: string | undefined, suppressed: number): void {
    if (!isWritten(headlineOfRequest(facts).severity, this.#options.logLevel)) return;
    const text = this.#lines.forLine();
    if (text === undefined) return;
    writeRequestLine(text, this.#callers.of(connection).text, facts, nearest, suppressed, Date.now());
    this.#lines.written();
  }

  #keepSpan(record: RequestRecord): void {
    this.#spans.push(record);
    if (this.#spans.length >= SPANS_AT_ONCE) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), SPANS_DELAY_MS);
  }

  #connectionRecord(connection: AcceptedConnection, suppressed: number): ConnectionRecord {
    const { end, refusal, detail } = causeOf(connection.phase) ?? ORDERLY;
    const admission = admissionOf(connection.phase);
    return {
      id: connection.id,
      thread: this.#options.thread,
      port: connection.port,
      end,
      reason: refusal?.reason,
      verdict: refusal?.verdict ?? admission?.decision.verdict,
      policy: refusal?.policy ?? connection.decision.policy,
      source: admission?.allowed?.source,
      principal: admission?.allowed?.principal,
      sni: connection.facts.sni,
      sans: presentedNames(connection),
      nearest: refusal && nearestTo(this.#options.state, connection.port, peerOf(connection), refusal.reason),
      detail,
      address: connection.address,
      startedAt: connection.startedAt,
      durationMs: Math.round(connection.ageMs),
      bytesIn: connection.bytesIn,
      bytesOut: connection.bytesOut,
      requests: connection.requests,
      suppressed,
    };
  }
}

/** What is known of the peer, a server name of a failed handshake included: for records only. */
function peerOf({ peer, facts }: AcceptedConnection): Peer {
  if (peer.tls !== undefined || facts.sni === undefined) return peer;
  return { address: peer.address, tls: { certificate: { state: "missing" }, sni: facts.sni } };
}

/** Ends that a hostile or misconfigured source can cause at any rate, and whose lines are therefore limited. */
function isUnwelcome(end: ConnectionRecord["end"]): boolean {
  switch (end) {
    case "refused":
    case "handshake-failed":
    case "handshake-timeout":
    case "silent":
    case "overload":
    case "protocol-error":
      return true;
    default:
      return false;
  }
}
