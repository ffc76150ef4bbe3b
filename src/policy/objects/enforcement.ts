/**
 * Audit: what would be refused by address or name is forwarded and counted, until a moment that is always named. Without
 * one, or with one that cannot be read, everything is enforced. An object that asks to be enforced is, in a process that is
 * in audit too.
 */
import type { Policy } from "../model.ts";
import { asRecord, asString, field, type UnknownRecord } from "./unknown.ts";

/** On one IngressBackend. Kubernetes counts no generation for it. */
export const ENFORCEMENT_ANNOTATION = "postern.dev/enforcement";

const DAY_MS = 86_400_000;
/** An end that is farther away is none that anybody waits for: an audit that never ends is policy that is not enforced. */
export const LONGEST_AUDIT_DAYS = 90;

/** @param until as `now`, milliseconds since the epoch */
export function isTooFar(until: number, now: number): boolean {
  return until - now > LONGEST_AUDIT_DAYS * DAY_MS;
}

const TIME = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** RFC 3339, milliseconds since the epoch; `undefined` for what is none. */
export function readMoment(text: string): number | undefined {
  const [, year, month, day] = TIME.exec(text) ?? [];
  if (year === undefined || !isDay(Number(year), Number(month), Number(day))) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** `Date.parse` takes 30 February for 2 March, which would lengthen an audit. */
function isDay(year: number, month: number, day: number): boolean {
  return day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/**
 * The annotation of one object. A duration would begin anew with every restart of a sidecar, so it names a time.
 */
export function readEnforcement(
  metadata: UnknownRecord | undefined,
): Pick<Policy, "auditUntil" | "alwaysEnforced" | "enforcementProblem"> {
  const value = field(asRecord(field(metadata, "annotations")), ENFORCEMENT_ANNOTATION);
  if (value === undefined) return {};
  if (value === "enforce") return { alwaysEnforced: true };
  const auditUntil = readMoment(/^audit:(.+)$/.exec(asString(value) ?? "")?.[1] ?? "");
  if (auditUntil !== undefined) return { auditUntil };
  return {
    alwaysEnforced: true,
    enforcementProblem: `annotation ${ENFORCEMENT_ANNOTATION} is neither 'enforce' nor 'audit:' with the time at which it ends, such as 'audit:2030-01-31T18:00:00Z': the object is enforced`,
  };
}
