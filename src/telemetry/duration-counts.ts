/** Durations of one kind, counted into fixed buckets: counting one costs a few comparisons and makes nothing. */

/** Upper bounds in seconds. */
export const DURATION_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Cumulative counts aligned with `DURATION_BUCKETS`, then the sum in seconds, then the count. */
export type DurationRow = readonly number[];

export class DurationCounts {
  /** Of each bucket alone, then of what is longer than all bounds. */
  readonly #counts = new Float64Array(DURATION_BUCKETS.length + 1);
  #seconds = 0;

  add(durationMs: number): void {
    const seconds = durationMs / 1000;
    let bucket = 0;
    while (bucket < DURATION_BUCKETS.length && seconds > DURATION_BUCKETS[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
    this.#seconds += seconds;
  }

  row(): DurationRow {
    let below = 0;
    const row = Array.from(this.#counts, (count) => (below += count));
    return [...row.slice(0, -1), this.#seconds, below];
  }
}
