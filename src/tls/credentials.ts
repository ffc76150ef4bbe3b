/** What the sidecar presents and trusts, as plain data. Made by check-credentials.ts alone, which nothing unchecked passes. */

import type { ExpiredLists } from "../config/config.ts";
import type { RevocationList } from "./revocation.ts";

/** Checked PEM material of one generation. Plain data: it is posted to the data-plane threads. */
export interface Credentials {
  /** Grows by one with every accepted change. */
  readonly generation: number;
  /** In the words of a message. */
  readonly origin: Pick<CredentialsOrigin, "cert" | "crl">;
  /** Leaf first, then intermediates, never a root. */
  readonly cert: string;
  readonly key: string;
  /** CA certificates, every block parsed; at least one of them a root. */
  readonly ca: string;
  /** Empty: nothing is revoked, and nobody is asked for a list. */
  readonly lists: readonly RevocationList[];
  readonly expiredLists: ExpiredLists;
  /** Lists revoke more than their texts say, which are all that OpenSSL knows. */
  readonly serialsAdded?: true;
  /** Digest of the trusted CAs and of what is revoked: whoever was good by the same is good. */
  readonly trust: string;
  /** Present where they came with trust domains: whom each of the CAs may vouch for. */
  readonly trustDomains?: TrustDomains;
  /** When a CA of the bundle or a list ends, ascending, milliseconds since the epoch: what was good may not be from then on. */
  readonly trustEnds: readonly number[];
  /** Beginning of our own certificate, milliseconds since the epoch. */
  readonly notBefore: number;
  /** End of our own certificate, milliseconds since the epoch. */
  readonly notAfter: number;
  /** SANs of the leaf, for logs: `dns:a.b`. */
  readonly names: readonly string[];
  /** What an operator should know and that stops nothing. */
  readonly warnings: readonly string[];
}

/** SPIFFE trust domains: a CA vouches for those of its own only (SPIFFE Workload API section 4.6). */
export interface TrustDomains {
  readonly own: string;
  /** By the name of each domain: fingerprints of the roots that may end a path for its members. */
  readonly anchors: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Where each text came from, in the words of a message: `--tls-cert /certs/tls.crt`. */
export interface CredentialsOrigin {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl?: string;
  /** `close` unless told. */
  readonly expiredLists?: ExpiredLists;
}

/** The texts of one moment. */
export interface CredentialTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** PEM or DER: a byte a character (latin1). */
  readonly crl?: string;
  /** Our own trust domain, and the bundle of each by its name; `ca` holds them all. */
  readonly trustDomains?: { readonly own: string; readonly bundles: Readonly<Record<string, string>> };
  /** What was left out of these texts, for an operator. */
  readonly warnings?: readonly string[];
}
