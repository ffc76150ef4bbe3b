/**
 * The part of each process-wide limit that one thread may use. Threads share nothing, so the sum of their parts is what
 * holds; a limit smaller than the number of threads is rounded up to one each, since none would mean off.
 */
import type { Limits } from "../../config/config.ts";

export function shareLimits(limits: Limits, threads: number, thread: number): Limits {
  const share = (total: number): number => {
    if (total === 0) return 0;
    return Math.max(1, Math.floor(total / threads) + (thread < total % threads ? 1 : 0));
  };
  return {
    ...limits,
    maxConnections: share(limits.maxConnections),
    maxConnectionsPerSource: share(limits.maxConnectionsPerSource),
    handshakesPerSecondPerSource: share(limits.handshakesPerSecondPerSource),
    refusalLogsPerSecond: share(limits.refusalLogsPerSecond),
  };
}
