/** `--enforcement`: `enforce`, or audit for a bounded time. */
import { readMoment } from "../policy/enforcement.ts";
import type { Enforcement } from "./config.ts";
import { readDuration, Unusable, type Read } from "./values.ts";

/** Of an audit that names no end. */
const DEFAULT_AUDIT_MS = 86_400_000;

/** `enforce`, `audit` (24 h), `audit:2h` from the start of the process, `audit:2030-01-31T18:00:00Z`. */
export function readEnforcement(text: string): Read<Enforcement> {
  if (text === "enforce") return { mode: "enforce" };
  if (text === "audit") return { mode: "audit", forMs: DEFAULT_AUDIT_MS };
  const end = /^audit:(.+)$/.exec(text)?.[1] ?? "";
  const until = readMoment(end);
  if (until !== undefined) return { mode: "audit", until };
  const forMs = readDuration(end);
  if (forMs instanceof Unusable || forMs === 0)
    return new Unusable(
      "enforce, audit, audit:DURATION such as audit:2h, or audit:TIME such as audit:2030-01-31T18:00:00Z",
    );
  return { mode: "audit", forMs };
}
