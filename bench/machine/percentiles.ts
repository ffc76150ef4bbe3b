/** What a measurement's values come to. */
import { rounded } from "./stamp.ts";

export type Percentiles = Readonly<Record<"p50" | "p90" | "p99" | "max", number>>;

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
