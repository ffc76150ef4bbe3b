/** Remembers the addresses that have just left a source, so that a refusal can say so. Bounded in number and in time. */
import type { ObjectKey, ServiceEndpoints } from "../policy/model.ts";

const KEPT_MS = 600_000;
/** Of each source. */
const KEPT_AT_MOST = 200;

export class Departures {
  #last: ReadonlyMap<ObjectKey, ServiceEndpoints> = new Map();
  readonly #left = new Map<ObjectKey, Map<string, number>>();

  /**
   * @param now milliseconds since the epoch
   * @returns the addresses that left each source, with their time
   */
  observe(
    endpoints: ReadonlyMap<ObjectKey, ServiceEndpoints>,
    now: number,
  ): ReadonlyMap<ObjectKey, ReadonlyMap<string, number>> {
    // A source that is known no more has not lost its addresses.
    for (const [key, before] of this.#last) {
      const after = endpoints.get(key);
      if (after !== before && after?.unknown === undefined) this.#compare(key, before, after, now);
    }
    this.#last = endpoints;
    return this.#kept(now);
  }

  #compare(key: ObjectKey, before: ServiceEndpoints, after: ServiceEndpoints | undefined, now: number): void {
    const present = new Set(after?.endpoints.map(({ address }) => address));
    const left = this.#left.get(key) ?? new Map<string, number>();
    for (const address of present) left.delete(address);
    for (const { address } of before.endpoints) if (!present.has(address)) left.set(address, now);
    for (const address of left.keys()) if (left.size > KEPT_AT_MOST) left.delete(address);
    this.#left.set(key, left);
  }

  #kept(now: number): ReadonlyMap<ObjectKey, ReadonlyMap<string, number>> {
    for (const [key, left] of this.#left) {
      for (const [address, at] of left) if (now - at > KEPT_MS) left.delete(address);
      if (left.size === 0) this.#left.delete(key);
    }
    return new Map([...this.#left].map(([key, left]) => [key, new Map(left)]));
  }
}
