/**
 * Every ended connection and every exchange passes here once: counted always, written down within the limits, posted
 * to the control side in batches.
 */
import { performance } from "node:perf_hooks";
import { LRUCache } from "lru-cache";
import type { Limits } from "../../config/config.ts";
import type { Peer } from "../../policy/decision.ts";
import { nearestTo } from "../../policy/nearest.ts";
import type { Snapshot } from "../../policy/snapshot.ts";
import type { ConnectionRecord, RequestRecord, TrafficRecord } from "../../telemetry/records.ts";
import { definedFields } from "../../telemetry/defined-fields.ts";
import type { AcceptedConnection } from "../connection/accepted-connection.ts";
import { admissionOf, causeOf, ORDERLY } from "../connection/connection-phase.ts";
import { presentedNames } from "../connection/connection-row.ts";
import type { ThreadCounters } from "../counters.ts";
import type { Connection, TrafficSink } from "../forward/forwarder.ts";
import { RateBudget } from "../connection/rate-budget.ts";

const BATCH_DELAY_MS = 100;
const BATCH_RECORDS = 256;
const REMEMBERED_SOURCES = 8_192;

export interface JournalOptions {
  readonly thread: number;
  readonly limits: Limits;
  /** Off: ordinary ends and responses are counted only; refusals and faults are still written. */
  readonly accessLog: boolean;
  readonly counters: ThreadCounters;
  readonly snapshot: () => Snapshot;
  readonly post: (records: readonly TrafficRecord[]) => void;
}

/** Turns what happened into counters and records. */
export class Journal implements TrafficSink {
  readonly #options: JournalOptions;
  readonly #refusals: RateBudget;
  readonly #suppressed = new LRUCache<string, number>({ max: REMEMBERED_SOURCES });
  #batch: TrafficRecord[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#refusals = new RateBudget(options.limits.refusalLogsPerSecond);
  }

  /** Writes the one record of a connection whose socket is closed. */
  concluded(connection: AcceptedConnection): void {
    const { end, refusal } = causeOf(connection.phase) ?? ORDERLY;
    const reason = refusal?.reason;
    this.#options.counters.closed(connection.port, end, reason, connection.bytesIn, connection.bytesOut);
    if (end === "served" && !this.#options.accessLog) return;
    const suppressed = isUnwelcome(end) ? this.#admitRefusal(connection.address) : 0;
    if (suppressed === undefined) return;
    this.#push({ ...this.#connectionRecord(connection), ...(suppressed > 0 && { suppressed }) });
  }

  exchange(record: RequestRecord): void {
    this.#options.counters.exchanged(record.port, record.status, record.reason, record.durationMs);
    if (record.reason === undefined && record.span === undefined && !this.#options.accessLog) return;
    this.#push(record);
  }

  forbidden(record: RequestRecord, { backend, peer, decision }: Connection): void {
    this.#options.counters.exchanged(record.port, record.status, record.reason, record.durationMs);
    const suppressed = this.#admitRefusal(record.address);
    if (suppressed === undefined) return;
    const nearest =
      decision.verdict === "forward"
        ? undefined
        : nearestTo(this.#options.snapshot(), backend.port, peer, decision.reason);
    this.#push({ ...record, ...definedFields({ nearest }), ...(suppressed > 0 && { suppressed }) });
  }

  /** Posts what is waiting. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#options.post(batch);
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

  #push(record: TrafficRecord): void {
    this.#batch.push(record);
    if (this.#batch.length >= BATCH_RECORDS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_DELAY_MS);
  }

  #connectionRecord(connection: AcceptedConnection): ConnectionRecord {
    const { end, refusal, detail } = causeOf(connection.phase) ?? ORDERLY;
    const admission = admissionOf(connection.phase);
    return {
      kind: "connection",
      id: connection.id,
      thread: this.#options.thread,
      port: connection.port,
      end,
      ...definedFields({
        reason: refusal?.reason,
        verdict: refusal?.verdict ?? admission?.decision.verdict,
        policy: refusal?.policy ?? connection.decision.policy,
        source: admission?.allowed?.source,
        principal: admission?.allowed?.principal,
        sni: connection.facts.sni,
        sans: presentedNames(connection),
        nearest: refusal && nearestTo(this.#options.snapshot(), connection.port, peerOf(connection), refusal.reason),
        detail,
      }),
      address: connection.address,
      startedAt: connection.startedAt,
      durationMs: Math.round(connection.ageMs),
      bytesIn: connection.bytesIn,
      bytesOut: connection.bytesOut,
      requests: connection.requests,
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
