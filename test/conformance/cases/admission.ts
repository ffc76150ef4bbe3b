/**
 * What `postern validate` accepts and refuses. Ids with a plain number restate an observed row of OSM's admission;
 * ids with a letter are of the same kind and were derived from its rules. Two doors stand one behind the other: the
 * schema (types and required fields) and the rules (what OSM's webhook says, word for word where users grep for it).
 */
import type { Manifest } from "../../support/mesh/objects.ts";

/** `at` is the place inside the object, `says` the text or a pattern of it. */
export interface Refusal {
  readonly at?: string;
  readonly says: string | RegExp;
}

interface Surroundings {
  /** Objects that exist beside it. */
  readonly beside?: readonly Manifest[];
  /** A warning that must come with it; warnings never refuse. */
  readonly warns?: RegExp;
}

export interface AdmissionCase extends Surroundings {
  readonly id: string;
  readonly about: string;
  readonly object: Manifest;
  /** Absent: accepted. */
  readonly refusal?: Refusal;
}

export function accepted(id: string, about: string, object: Manifest, around: Surroundings = {}): AdmissionCase {
  return { id, about, object, ...around };
}

export function refused(
  id: string,
  about: string,
  object: Manifest,
  refusal: Refusal,
  around: Surroundings = {},
): AdmissionCase {
  return { id, about, object, refusal, ...around };
}

export const required: RegExp = /required/i;
