/**
 * One row of the decision tables: a world, callers, and what each of them gets. The ids restate observed rows of OSM;
 * a letter marks a row of the same kind derived from its rules. Where OSM opens, forgets or mixes, the row holds
 * Postern's stricter outcome.
 *
 * Addresses `10.x.y.z` stand for `127.x.y.z` when a row is tried on the wire, so every such caller is real there.
 */
import type { RefusalReason, Verdict } from "../../../src/policy/decision.ts";
import { serviceObject, slice, type Manifest } from "../../support/mesh/objects.ts";

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
  readonly from: string;
  /** Absent: plaintext. */
  readonly tls?: { readonly certificate: Certificate; readonly sni?: string };
}

export interface Forwarded {
  readonly verdict: "forward";
  /** The entry that let the address in. */
  readonly source?: string;
  /** The policy that governed, when the row is about that. */
  readonly policy?: string;
}

export interface Refused {
  readonly verdict: Exclude<Verdict, "forward">;
  readonly reason: RefusalReason;
}

export type Expected = Forwarded | Refused;

export interface DecisionCase {
  readonly id: string;
  readonly about: string;
  readonly objects: readonly Manifest[];
  /** Absent: 80. */
  readonly port?: number;
  readonly meshName?: string;
  readonly callers: readonly (readonly [Caller, Expected])[];
}

export const GATEWAY = "10.0.0.10";
export const STRANGER = "10.0.0.99";
export const NAME = "gw.gw-ns.cluster.local";

/** The application's Service and the live gateway, the world of most rows. */
export const WORLD: readonly Manifest[] = [serviceObject("test/foo", 80), slice("gw-ns/gw", GATEWAY)];

export function plain(from: string): Caller {
  return { from };
}

/** A caller with a certificate of the mesh. */
export function mtls(from: string, sans: readonly string[] = [`dns:${NAME}`], sni?: string): Caller {
  return { from, tls: { certificate: { sans }, ...(sni === undefined ? {} : { sni }) } };
}

/** A caller whose certificate is missing or no good. */
export function tls(from: string, certificate: Certificate, sni?: string): Caller {
  return { from, tls: { certificate, ...(sni === undefined ? {} : { sni }) } };
}

export function forward(source?: string): Forwarded {
  return { verdict: "forward", ...(source === undefined ? {} : { source }) };
}

export function close(reason: RefusalReason): Refused {
  return { verdict: "close", reason };
}

export function alert(reason: RefusalReason): Refused {
  return { verdict: "tls-alert", reason };
}

export function forbidden(reason: RefusalReason = "principal-not-listed"): Refused {
  return { verdict: "forbidden", reason };
}
