/** By how much two runs of the same differ. */
import type { Unmeasured } from "../measurements/figures.ts";

/** Runs of one day differ by 10 to 15 %. */
export const NOISE = 0.15;

export const NOISE_PERCENT = `${NOISE * 100} %`;

/**
 * What one figure has more than another that it should contain. Where that is less than runs differ by, or nothing, it says
 * nothing: neither that a goal is met nor that it is not.
 */
export function difference(whole: number, part: number, unit: string): number | Unmeasured {
  const more = whole - part;
  if (!(more < part * NOISE)) return more;
  return { unmeasured: `${more.toFixed(2)} ${unit}, within the noise of ${NOISE_PERCENT}` };
}
