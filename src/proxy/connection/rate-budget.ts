/** A token bucket per key, for more keys than anybody wants to keep. */
import { LRUCache } from "lru-cache";

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
