/** The proxy's core during a measurement: what the proxy took of it, and what was taken from it. */
import { coreTimeOf, cpuOfTrees } from "../../machine/processor-time.ts";
import { PROXY_CORE } from "../processes/pinned-process.ts";

export interface CoreUse {
  /** CPU of the proxy's processes, microseconds. */
  readonly proxyUs: number;
  /** The proxy's share of its core, 0 to 1. */
  readonly busy: number;
  /** The share that other processes had: the machine was not quiet, and the figure is not worth much. */
  readonly others: number;
}

/** @returns what was used of the core since this call; asked once the work of `workSeconds` is done */
export function watchCore(pids: readonly number[]): (workSeconds: number) => CoreUse {
  const begun = performance.now();
  const core = coreTimeOf(PROXY_CORE);
  const proxy = cpuOfTrees(pids);
  return (workSeconds) => {
    const proxyUs = cpuOfTrees(pids) - proxy;
    const wallUs = (performance.now() - begun) * 1_000;
    const othersUs = coreTimeOf(PROXY_CORE) - core - proxyUs;
    return { proxyUs, busy: proxyUs / 1e6 / workSeconds, others: Math.max(0, othersUs / wallUs) };
  };
}
