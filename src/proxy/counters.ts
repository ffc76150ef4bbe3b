/**
 * Plain integer counters of one thread. They only grow, except `open`; the control side adds the threads up.
 */
import { DurationCounts } from "../telemetry/duration-counts.ts";
import type { ConnectionEnd, Counters } from "../telemetry/records.ts";

/** A connection that still moves bytes: counted into the totals before it is over. */
export interface LiveBytes {
  readonly port: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

type Tally = Map<string, number>;

/** Requests of one backend port. Counting one makes no text. */
class RequestCounts {
  /** By class of status; zero where there was no response. Of those that came to a good end. */
  readonly #good = new Float64Array(10);
  /** key: `status class|reason`. */
  readonly #failed: Tally = new Map();
  readonly durations = new DurationCounts();

  add(status: number, reason: string | undefined, durationMs: number): void {
    const statusClass = Math.trunc(status / 100);
    if (reason === undefined) this.#good[statusClass]! += 1;
    else add(this.#failed, `${statusClass}xx|${reason}`, 1);
    this.durations.add(durationMs);
  }

  /** Keys as in `Counters.requests`, without the port. */
  *requests(): Iterable<readonly [string, number]> {
    for (const [statusClass, count] of this.#good.entries()) if (count > 0) yield [`${statusClass}xx|`, count];
    yield* this.#failed;
  }
}

/** What has happened on one thread since it started. */
export class ThreadCounters {
  readonly #connections: Tally = new Map();
  readonly #requests = new Map<number, RequestCounts>();
  readonly #bytesIn: Tally = new Map();
  readonly #bytesOut: Tally = new Map();
  readonly #open: Tally = new Map();
  readonly #wouldRefuse: Tally = new Map();
  readonly #handshakes = new Map<number, DurationCounts>();
  #linesLost = 0;

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

  /** @param status of HTTP; zero where there was no response */
  exchanged(port: number, status: number, reason: string | undefined, durationMs: number): void {
    let counts = this.#requests.get(port);
    if (counts === undefined) {
      counts = new RequestCounts();
      this.#requests.set(port, counts);
    }
    counts.add(status, reason, durationMs);
  }

  wouldRefuse(port: number, reason: string): void {
    add(this.#wouldRefuse, `${port}|${reason}`, 1);
  }

  /** A TLS handshake came to a good end. */
  secured(port: number, durationMs: number): void {
    let counts = this.#handshakes.get(port);
    if (counts === undefined) {
      counts = new DurationCounts();
      this.#handshakes.set(port, counts);
    }
    counts.add(durationMs);
  }

  lineLost(): void {
    this.#linesLost += 1;
  }

  /** A copy to post. Bytes of live connections are included, so long-lived ones show while they last. */
  read(live: Iterable<LiveBytes>): Counters {
    const bytesIn = new Map(this.#bytesIn);
    const bytesOut = new Map(this.#bytesOut);
    for (const connection of live) {
      add(bytesIn, `${connection.port}`, connection.bytesIn);
      add(bytesOut, `${connection.port}`, connection.bytesOut);
    }
    const requests = [...this.#requests].flatMap(([port, counts]) =>
      Array.from(counts.requests(), ([key, count]) => [`${port}|${key}`, count] as const),
    );
    return {
      connections: Object.fromEntries(this.#connections),
      wouldRefuse: Object.fromEntries(this.#wouldRefuse),
      requests: Object.fromEntries(requests),
      bytesIn: Object.fromEntries(bytesIn),
      bytesOut: Object.fromEntries(bytesOut),
      open: Object.fromEntries(this.#open),
      durations: Object.fromEntries([...this.#requests].map(([port, counts]) => [port, counts.durations.row()])),
      handshakes: Object.fromEntries([...this.#handshakes].map(([port, counts]) => [port, counts.row()])),
      linesLost: this.#linesLost,
    };
  }
}

export const NO_COUNTERS: Counters = Object.freeze({
  connections: {},
  wouldRefuse: {},
  requests: {},
  bytesIn: {},
  bytesOut: {},
  open: {},
  durations: {},
  handshakes: {},
  linesLost: 0,
});

/** Adds the counters of all threads up. */
export function sumCounters(parts: readonly Counters[]): Counters {
  return {
    connections: sum(parts.map((part) => part.connections)),
    wouldRefuse: sum(parts.map((part) => part.wouldRefuse)),
    requests: sum(parts.map((part) => part.requests)),
    bytesIn: sum(parts.map((part) => part.bytesIn)),
    bytesOut: sum(parts.map((part) => part.bytesOut)),
    open: sum(parts.map((part) => part.open)),
    durations: sumRows(parts.map((part) => part.durations)),
    handshakes: sumRows(parts.map((part) => part.handshakes)),
    linesLost: parts.reduce((total, part) => total + part.linesLost, 0),
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
