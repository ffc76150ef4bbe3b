/** What one endpoint flip costs a sidecar that has nothing else to do: bytes on the wire, and CPU of all its threads. */
import { setTimeout as delay } from "node:timers/promises";
import { cpuOf } from "../machine/processor-time.ts";
import { rounded } from "../machine/stamp.ts";
import type { Change } from "./changes.ts";
import type { CountingRelay } from "./counting-relay.ts";

/** Far enough apart that each is published by itself. */
const PACE_MS = 100;
const IDLE_MS = 10_000;

export interface FlipCost {
  readonly flips: number;
  readonly downBytesPerFlip: number;
  readonly upBytesPerFlip: number;
  /** Beyond what the idle process uses anyway. */
  readonly cpuMsPerFlip: number;
  readonly idleCpuPercent: number;
}

/** One flip is one write, in or out. */
export async function costOfFlips(pid: number, relay: CountingRelay, change: Change, flips: number): Promise<FlipCost> {
  const idleFromUs = cpuOf(pid);
  await delay(IDLE_MS);
  const idleUsPerMs = (cpuOf(pid) - idleFromUs) / IDLE_MS;

  const before = { us: cpuOf(pid), down: relay.downBytes, up: relay.upBytes };
  const startedAt = performance.now();
  for (let count = 0; count < flips; count += 1) {
    await (count % 2 === 0 ? change.give() : change.take());
    await delay(PACE_MS);
  }
  const cpuUs = cpuOf(pid) - before.us - idleUsPerMs * (performance.now() - startedAt);
  return {
    flips,
    downBytesPerFlip: Math.round((relay.downBytes - before.down) / flips),
    upBytesPerFlip: Math.round((relay.upBytes - before.up) / flips),
    cpuMsPerFlip: rounded(cpuUs / 1_000 / flips, 2),
    idleCpuPercent: rounded(idleUsPerMs / 10, 2),
  };
}
