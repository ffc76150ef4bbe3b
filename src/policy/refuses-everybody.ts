/**
 * What refuses everybody for a while, whatever the objects say: it tells nothing of a caller. Whoever tries a policy in such a
 * moment must not be told that nobody is served.
 */
import type { RefusalReason } from "./decision.ts";

const REASONS: ReadonlySet<string> = new Set<RefusalReason>([
  "no-listener",
  "draining",
  "no-snapshot",
  "stale-snapshot",
  "no-credentials",
  "own-certificate-not-yet-valid",
  "own-certificate-ended",
]);

/** @param reason of a refusal, also as somebody else has written it down; `undefined` where nothing was refused */
export function refusesEverybody(reason: string | undefined): boolean {
  return reason !== undefined && REASONS.has(reason);
}
