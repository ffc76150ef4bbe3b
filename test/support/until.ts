/** Waits for what no event tells: looks again and again, within a limit that only a fault reaches. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

const EVERY_MS = 20;
const LIMIT_MS = 60_000;

/** @param what is named when it does not come true; a function is asked then */
export async function until(what: string | (() => string), isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await isTrue())) {
    assert.ok(
      performance.now() < deadline,
      `not within ${LIMIT_MS / 1000} s: ${typeof what === "string" ? what : what()}`,
    );
    await delay(EVERY_MS);
  }
}
