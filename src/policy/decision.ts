/**
 * What the policy core says of one peer. Everything is plain data: it crosses threads, logs and JSON as it is.
 */
import type { ObjectKey } from "./model.ts";
import type { PeerAddress } from "./address/peer-address.ts";

/**
 * How a peer is answered. `tls-alert` covers every client certificate that is missing, untrusted or out of date; Node sends an
 * alert for a missing one alone, and closes the connection of the others.
 */
export type Verdict = "forward" | "close" | "tls-alert" | "forbidden";

/** The test that refused. Closed: every metric label, log line and explanation uses one of these. */
export type RefusalReason =
  | "no-listener"
  | "draining"
  | "no-snapshot"
  | "stale-snapshot"
  | "no-policy"
  | "invalid-policy"
  | "no-usable-source"
  | "address-unknown"
  | "source-without-endpoints"
  | "source-not-listed"
  | "endpoint-replaced"
  | "tls-expected"
  | "tls-unexpected"
  | "sni-missing"
  | "sni-not-listed"
  | "no-credentials"
  | "own-certificate-not-yet-valid"
  | "own-certificate-ended"
  | "certificate-missing"
  | "certificate-untrusted"
  | "certificate-expired"
  | "certificate-revoked"
  | "crl-expired"
  | "crl-missing"
  | "principal-missing"
  | "principal-not-listed";

/** One SAN of a verified certificate, typed from the parsed certificate and verbatim. */
export interface San {
  readonly type: "dns" | "uri";
  readonly value: string;
}

/** What the client's certificate turned out to be. `not-requested` where the backend skips client validation. */
export type PeerCertificate =
  | { readonly state: "not-requested" }
  | { readonly state: "missing" }
  | {
      readonly state: "refused";
      readonly reason: "certificate-untrusted" | "certificate-expired" | "certificate-revoked";
    }
  | { readonly state: "verified"; readonly sans: readonly San[] };

/** The TLS side of a peer once its handshake is done. */
export interface PeerTls {
  /** Server name of the ClientHello; absent when none was sent. */
  readonly sni?: string;
  readonly certificate: PeerCertificate;
}

/** One caller as seen on the socket. */
export interface Peer {
  /** `undefined`, a peer that has already gone, is always refused. */
  readonly address: PeerAddress | undefined;
  /** Absent when the peer speaks plaintext. */
  readonly tls?: PeerTls;
}

export interface Allowed {
  readonly verdict: "forward";
  readonly policy: ObjectKey;
  /** The entry that let the address in, e.g. `Service gateways/edge` or `IPRange 10.0.0.0/8`; `any address` when the rule has no address test. */
  readonly source: string;
  /** The entry that matched the certificate, e.g. `edge.gateways.cluster.local`, `*`; absent where no principal test exists. */
  readonly principal?: string;
  /** Audit: the test that would have refused it, were the rule enforced. */
  readonly wouldRefuse?: AuditedReason;
}

/** What audit waves through: the address, the server name and the principal. Never a fault of TLS. */
export type AuditedReason = Extract<
  RefusalReason,
  | "source-without-endpoints"
  | "source-not-listed"
  | "endpoint-replaced"
  | "sni-missing"
  | "sni-not-listed"
  | "principal-missing"
  | "principal-not-listed"
>;

export interface Refused {
  readonly verdict: Exclude<Verdict, "forward">;
  readonly reason: RefusalReason;
  /** The policy whose test refused; absent when no policy governs the port. */
  readonly policy?: ObjectKey;
}

export type Decision = Allowed | Refused;
