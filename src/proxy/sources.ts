/**
 * What one source address, and all of them together, may use of this thread. Not a policy test: an address gets here
 * only after the policy let it in.
 */
import { LRUCache } from "lru-cache";
import type { Limits } from "../config/config.ts";

/** Addresses whose budget is remembered; the least recently seen is forgotten first, which only ever favours it. */
const REMEMBERED_SOURCES = 8_192;

/** A bucket that refills at `perSecond` and holds one second's worth. */
interface Bucket {
  tokens: number;
  filledAt: number;
}

/** A rate per key, for more keys than anybody wants to keep. */
export class RateBudget {
  readonly #perSecond: number;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#buckets = new LRUCache({ max: REMEMBERED_SOURCES });
  }

  /** Takes one; false when the key has used its second up. `nowMs` is a monotonic clock. */
  take(key: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      this.#buckets.set(key, { tokens: this.#perSecond - 1, filledAt: nowMs });
      return true;
    }
    const refilled = bucket.tokens + ((nowMs - bucket.filledAt) / 1000) * this.#perSecond;
    bucket.tokens = Math.min(refilled, this.#perSecond);
    bucket.filledAt = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

/** The limits on connections: in all, per source, and per source and second. */
export class Sources {
  readonly #limits: Limits;
  readonly #handshakes: RateBudget | undefined;
  readonly #open = new Map<string, number>();
  #total = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    const rate = limits.handshakesPerSecondPerSource;
    this.#handshakes = rate > 0 ? new RateBudget(rate) : undefined;
  }

  /**
   * Counts a connection in, to be followed by `release()`.
   * @returns the limit that it would break, in which case nothing was counted.
   */
  admit(address: string, nowMs: number): string | undefined {
    if (this.#total >= this.#limits.maxConnections) return "maxConnections";
    const open = this.#open.get(address) ?? 0;
    const perSource = this.#limits.maxConnectionsPerSource;
    if (perSource > 0 && open >= perSource) return "maxConnectionsPerSource";
    if (this.#handshakes?.take(address, nowMs) === false) return "handshakesPerSecondPerSource";
    this.#total += 1;
    this.#open.set(address, open + 1);
    return undefined;
  }

  release(address: string): void {
    const open = this.#open.get(address) ?? 0;
    this.#total -= 1;
    if (open > 1) this.#open.set(address, open - 1);
    else this.#open.delete(address);
  }
}
