/** What the sidecar presents and trusts, as plain data. Made by check-credentials.ts alone, which nothing unchecked passes. */

import type { ExpiredLists } from "../config/config.ts";
import type { RevocationList } from "./revocation.ts";

/** Checked PEM material of one generation. Plain data: it is posted to the data-plane threads. */
export interface Credentials {
  /** Grows by one with every accepted change. */
  readonly generation: number;
  /** Leaf first, then intermediates, never a root. */
  readonly cert: string;
  readonly key: string;
  /** CA certificates, every block parsed; at least one of them a root. */
  readonly ca: string;
  /** Empty: nothing is revoked, and nobody is asked for a list. */
  readonly lists: readonly RevocationList[];
  readonly expiredLists: ExpiredLists;
  /** Digest of the trusted CAs and of what is revoked: whoever was good by the same is good. */
  readonly trust: string;
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

/** The texts of one moment. */
export interface CredentialTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** PEM or DER: a byte a character (latin1). */
  readonly crl?: string;
}
