/**
 * The phases of an accepted connection and the only ways from one to the next: handshaking, admitted, ending, closed. A
 * connection never goes back, and every closed one has a cause.
 */
import type { Owners } from "../../policy/address/address-set.ts";
import type { Allowed, Decision, Refused } from "../../policy/decision.ts";
import type { ForwardMode } from "../../config/config.ts";
import type { Forwarder } from "../forward/forwarder.ts";
import type { ConnectionEnd } from "../../telemetry/records.ts";

/** What judging an admitted connection again needs to know. */
export interface Admission {
  readonly mode: ForwardMode;
  readonly forwarder: Forwarder;
  /** The pods that had the address when it was admitted. */
  readonly owners: Owners;
  /** The newest decision. */
  readonly decision: Decision;
  /** The last decision that let it in: what the record names as policy, source and principal. */
  readonly allowed: Allowed | undefined;
}

/** Why a connection ends. */
export interface EndCause {
  readonly end: ConnectionEnd;
  /** The test that refused it, or that took its right away. */
  readonly refusal?: Refused;
  /** For people. */
  readonly detail?: string | undefined;
}

export type Phase =
  | { readonly state: "handshaking" }
  | { readonly state: "admitted"; readonly admission: Admission }
  /** On its way out; what is in flight may be finishing. No admission: it never got through its handshake. */
  | { readonly state: "ending"; readonly admission: Admission | undefined; readonly cause: EndCause }
  | { readonly state: "closed"; readonly admission: Admission | undefined; readonly cause: EndCause };

/** An orderly end, which whatever really ends the connection replaces. */
export const ORDERLY: EndCause = Object.freeze({ end: "served" });

export function admissionOf(phase: Phase): Admission | undefined {
  return phase.state === "handshaking" ? undefined : phase.admission;
}

export function causeOf(phase: Phase): EndCause | undefined {
  return phase.state === "ending" || phase.state === "closed" ? phase.cause : undefined;
}

/** After the first verdict that lets it in. A connection that has ended meanwhile stays ended. */
export function admitted(phase: Phase, admission: Admission): Phase {
  return phase.state === "handshaking" ? { state: "admitted", admission } : phase;
}

/** A newer decision, while it may still carry something. */
export function rejudged(phase: Phase, decision: Decision): Phase {
  if ((phase.state !== "admitted" && phase.state !== "ending") || phase.admission === undefined) return phase;
  const allowed = decision.verdict === "forward" ? decision : phase.admission.allowed;
  return { ...phase, admission: { ...phase.admission, decision, allowed } };
}

/** The first cause stays, unless the second says more. */
export function ending(phase: Phase, cause: EndCause): Phase {
  switch (phase.state) {
    case "handshaking":
    case "admitted":
      return { state: "ending", admission: admissionOf(phase), cause };
    case "ending":
      return saysMore(cause.end, phase.cause.end) ? { ...phase, cause } : phase;
    case "closed":
      return phase;
  }
}

/** The socket is closed: nothing changes any more. */
export function closed(phase: Phase): Phase {
  if (phase.state === "closed") return phase;
  return { state: "closed", admission: admissionOf(phase), cause: causeOf(phase) ?? ORDERLY };
}

/** A lost right is never recorded as the end of a lifetime that happened to come before it, and a fault of ours never hides. */
function saysMore(next: ConnectionEnd, current: ConnectionEnd): boolean {
  if (current === "served") return next !== "served";
  if (next === "internal-error") return current !== "revoked";
  return next === "revoked" && (current === "lifetime-reached" || current === "idle-timeout");
}
