/**
 * When a CA of our own is replaced: the next root is published while the present one still signs, signs when every peer has
 * had the time to take it in, and the former root stays in the bundle until the last certificate of it has ended.
 */

/** What to do: nothing, make and publish the next CA, or sign with it. */
export type RotationStep = "keep" | "prepare" | "promote" | "replace";

export interface RotationState {
  /** Of the CA that signs; milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** When the next CA was published; absent where there is none. */
  readonly nextSince?: number;
  /** Somebody has asked for a rotation. */
  readonly asked: boolean;
}

/**
 * @param overlapMs how long the next CA is published before it signs
 * @param now milliseconds since the epoch
 */
export function rotationStep(state: RotationState, overlapMs: number, now: number): RotationStep {
  const { notBefore, notAfter, nextSince, asked } = state;
  const ended = now >= notAfter;
  if (nextSince !== undefined) return ended || now >= nextSince + overlapMs ? "promote" : "keep";
  // Nothing that it has signed is good any more: nobody is left to be told beforehand.
  if (ended) return "replace";
  return asked || now >= renewalTime(notBefore, notAfter) ? "prepare" : "keep";
}

/** At two thirds of a certificate's life: a third is left for whatever stands in the way. */
export function renewalTime(notBefore: number, notAfter: number): number {
  return notBefore + ((notAfter - notBefore) * 2) / 3;
}
