/** The cases as data, read from cases/*.json, whose form schema/*.schema.json gives. */
import type { RefusalReason, Verdict } from "../src/policy/decision.ts";
import type { Manifest } from "../test/support/mesh/objects.ts";
import { readCases } from "./read-cases.ts";

interface Provenance {
  readonly id: string;
  readonly about: string;
  readonly source: string;
  /** What OSM v1.2.4 was seen to do; absent where nobody looked. */
  readonly observed?: string;
  /** Why the case expects something else than OSM does; absent where it does not. */
  readonly difference?: string;
}

export type Certificate =
  | "none"
  | "foreign"
  | "self-signed"
  | "expired"
  | "not-yet-valid"
  | "server-only"
  /** A verified certificate: its SANs, `dns:` or `uri:` before each. */
  | { readonly sans: readonly string[]; readonly commonName?: string };

export interface Caller {
  /** `10.x.y.z` stands for `127.x.y.z` when the case is tried on the wire, so every such caller is real there. */
  readonly from: string;
  /** Absent: plaintext. */
  readonly tls?: { readonly certificate: Certificate; readonly sni?: string };
}

export interface Forwarded {
  readonly verdict: "forward";
  /** The entry that let the address in. */
  readonly source?: string;
  /** The policy that governed, where the case is about that. */
  readonly policy?: string;
}

export interface Refused {
  readonly verdict: Exclude<Verdict, "forward">;
  readonly reason: RefusalReason;
}

export interface Connection extends Caller {
  readonly expected: Forwarded | Refused;
  /** What OSM v1.2.4 was seen to do with it, where that is something else. */
  readonly observed?: Verdict;
}

export interface DecisionCase extends Provenance {
  readonly world: { readonly meshName?: string; readonly objects: readonly Manifest[] };
  /** The backend (target) port. */
  readonly port: number;
  readonly connections: readonly Connection[];
}

/** A text, word for word, or a pattern of it. */
export type Said = { readonly text: string } | { readonly pattern: string; readonly flags?: string };

export interface AdmissionCase extends Provenance {
  readonly object: Manifest;
  /** Objects that exist beside it. */
  readonly beside?: readonly Manifest[];
  /** It is refused because of others: no schema can. */
  readonly needsOthers?: true;
  readonly expected:
    | { readonly accepted: true; readonly warning?: Said }
    | { readonly accepted: false; readonly at?: string; readonly says: Said; readonly warning?: Said };
}

interface DecisionFile {
  /** The pod that every case looks from. */
  readonly pod: { readonly namespace: string; readonly services: readonly string[] };
  readonly cases: readonly DecisionCase[];
}

export const { pod: POD, cases: DECISIONS } = readCases("decisions") as DecisionFile;

export const { cases: ADMISSION } = readCases("admission") as { readonly cases: readonly AdmissionCase[] };

/** True when a message is what a case expects to be said. */
export function isSaid(said: Said, message: string): boolean {
  return "text" in said ? message === said.text : new RegExp(said.pattern, said.flags).test(message);
}
