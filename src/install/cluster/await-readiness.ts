/** Waits until a mesh is ready, and says what it waits for whenever that changes. */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiObjects } from "./api-objects.ts";
import { LOOK_MS } from "./apply-objects.ts";
import { unready, type Expected } from "./readiness.ts";

/** @returns what was not ready when the time was over; empty: everything is */
export async function awaitReadiness(
  objects: ApiObjects,
  expected: Expected,
  timeoutMs: number,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const until = performance.now() + timeoutMs;
  const said = new Set<string>();
  for (;;) {
    const waiting = await unready(objects, expected);
    if (waiting.length === 0 || performance.now() >= until) return waiting;
    for (const line of waiting.filter((one) => !said.has(one))) say(`waiting for ${line}`);
    for (const line of waiting) said.add(line);
    await delay(LOOK_MS, undefined, { signal: objects.signal });
  }
}
