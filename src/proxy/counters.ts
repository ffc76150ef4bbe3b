/**
 * Plain integer counters of one thread. They only grow, except `open`; the control side adds the threads up.
 */
import { DURATION_BUCKETS, type ConnectionEnd, type Counters } from "../telemetry/records.ts";

/** A connection that still moves bytes: counted into the totals before it is over. */
export interface LiveBytes {
  readonly port: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

type Tally = Map<string, number>;

/** What has happened on one thread since it started. */
export class ThreadCounters {
  readonly #connections: Tally = new Map();
  readonly #requests: Tally = new Map();
  readonly #bytesIn: Tally = new Map();
  readonly #bytesOut: Tally = new Map();
  readonly #open: Tally = new Map();
  readonly #durations = new Map<string, number[]>();

  opened(port: number): void {
    add(this.#open, `${port}`, 1);
  }

  closed(port: number, end: ConnectionEnd, reason: string | undefined, bytesIn: number, bytesOut: number): void {
    const key = `${port}`;
    add(this.#open, key, -1);
    add(this.#connections, reason === undefined ? `${key}|${end}` : `${key}|${end}|${reason}`, 1);
    add(this.#bytesIn, key, bytesIn);
    add(this.#bytesOut, key, bytesOut);
  }

  exchanged(port: number, status: number, reason: string | undefined, durationMs: number): void {
    const key = `${port}`;
    add(this.#requests, `${key}|${Math.trunc(status / 100)}xx|${reason ?? ""}`, 1);
    this.#observe(key, durationMs / 1000);
  }

  /** A copy to post. Bytes of live connections are included, so long-lived ones show while they last. */
  read(live: Iterable<LiveBytes>): Counters {
    const bytesIn = new Map(this.#bytesIn);
    const bytesOut = new Map(this.#bytesOut);
    for (const connection of live) {
      add(bytesIn, `${connection.port}`, connection.bytesIn);
      add(bytesOut, `${connection.port}`, connection.bytesOut);
    }
    return {
      connections: Object.fromEntries(this.#connections),
      requests: Object.fromEntries(this.#requests),
      bytesIn: Object.fromEntries(bytesIn),
      bytesOut: Object.fromEntries(bytesOut),
      open: Object.fromEntries(this.#open),
      durations: Object.fromEntries(this.#durations),
    };
  }

  #observe(key: string, seconds: number): void {
    let row = this.#durations.get(key);
    if (row === undefined) {
      row = Array.from({ length: DURATION_BUCKETS.length + 2 }, () => 0);
      this.#durations.set(key, row);
    }
    for (let bucket = DURATION_BUCKETS.length - 1; bucket >= 0; bucket--) {
      if (seconds > (DURATION_BUCKETS[bucket] ?? 0)) break;
      row[bucket] = (row[bucket] ?? 0) + 1;
    }
    const sum = DURATION_BUCKETS.length;
    row[sum] = (row[sum] ?? 0) + seconds;
    row[sum + 1] = (row[sum + 1] ?? 0) + 1;
  }
}

export const NO_COUNTERS: Counters = Object.freeze({
  connections: {},
  requests: {},
  bytesIn: {},
  bytesOut: {},
  open: {},
  durations: {},
});

/** Adds the counters of all threads up. */
export function sumCounters(parts: readonly Counters[]): Counters {
  return {
    connections: sum(parts.map((part) => part.connections)),
    requests: sum(parts.map((part) => part.requests)),
    bytesIn: sum(parts.map((part) => part.bytesIn)),
    bytesOut: sum(parts.map((part) => part.bytesOut)),
    open: sum(parts.map((part) => part.open)),
    durations: sumRows(parts.map((part) => part.durations)),
  };
}

function sum(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Tally = new Map();
  for (const record of records) for (const [key, value] of Object.entries(record)) add(total, key, value);
  return Object.fromEntries(total);
}

function sumRows(records: readonly Readonly<Record<string, readonly number[]>>[]): Record<string, readonly number[]> {
  const total = new Map<string, number[]>();
  for (const record of records) {
    for (const [key, row] of Object.entries(record)) {
      const before = total.get(key);
      total.set(key, before === undefined ? [...row] : before.map((value, index) => value + (row[index] ?? 0)));
    }
  }
  return Object.fromEntries(total);
}

function add(tally: Tally, key: string, amount: number): void {
  tally.set(key, (tally.get(key) ?? 0) + amount);
}
