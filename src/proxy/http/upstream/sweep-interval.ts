/** How often a pool looks at the time limits of its connections and of what waits for one. */
import type { Limits } from "../../../config/config.ts";

const SLOWEST_SWEEP_MS = 500;
const FASTEST_SWEEP_MS = 10;

/** A quarter of the shortest limit, so that no limit is exceeded by more than that; within bounds. */
export function sweepIntervalMs(limits: Limits): number {
  const { upstreamKeepAliveMs, connectTimeoutMs, responseIdleTimeoutMs } = limits;
  const shortestMs = Math.min(upstreamKeepAliveMs, connectTimeoutMs, responseIdleTimeoutMs || Infinity);
  return Math.max(FASTEST_SWEEP_MS, Math.min(SLOWEST_SWEEP_MS, shortestMs / 4));
}
