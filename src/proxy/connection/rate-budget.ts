/** Limits how often something may happen for one key, such as a source address, in a second. */
import { LRUCache } from "lru-cache";

/** Keys whose budget is remembered. The least recently seen is forgotten first, and begins with a full budget again. */
const REMEMBERED_KEYS = 8_192;

/** A bucket that refills at `perSecond` and holds one second's worth. */
interface Bucket {
  tokens: number;
  filledAt: number;
}

/** A token bucket for each key. Memory is bounded, whatever the number of keys. */
export class RateBudget {
  readonly #perSecond: number;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#buckets = new LRUCache({ max: REMEMBERED_KEYS });
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
