/** `--enforcement`: `enforce`, or audit for a bounded time. */
import { isTooFar, LONGEST_AUDIT_DAYS, readMoment } from "../policy/objects/enforcement.ts";
import type { Enforcement } from "./config.ts";
import { DURATION_UNITS, readDuration, Unusable, type Read } from "./values.ts";

/** Of an audit that names no end. */
const DEFAULT_AUDIT_MS = 86_400_000;

/**
 * `enforce`, `audit` (24 h), `audit:2h` from the start of the process, `audit:2030-01-31T18:00:00Z`.
 *
 * @param now milliseconds since the epoch. A time that was near enough once stays so at every restart.
 */
export function readEnforcement(text: string, now = Date.now()): Read<Enforcement> {
  if (text === "enforce") return { mode: "enforce" };
  if (text === "audit") return { mode: "audit", forMs: DEFAULT_AUDIT_MS };
  const end = /^audit:(.+)$/.exec(text)?.[1] ?? "";
  const until = readMoment(end);
  if (until !== undefined && !isTooFar(until, now)) return { mode: "audit", until };
  const forMs = readDuration(end);
  if (forMs instanceof Unusable || forMs === 0)
    return new Unusable(
      `enforce, audit, audit:DURATION such as audit:2h (${DURATION_UNITS}), or audit:TIME such as ${exampleTime(now)}, at most ${LONGEST_AUDIT_DAYS} days ahead`,
    );
  return { mode: "audit", forMs };
}

function exampleTime(now: number): string {
  return `audit:${new Date(now + DEFAULT_AUDIT_MS).toISOString().slice(0, 13)}:00:00Z`;
}
