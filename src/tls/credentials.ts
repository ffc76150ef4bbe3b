/** What the sidecar presents and trusts, as plain data. Made by check-credentials.ts alone, which nothing unchecked passes. */

/** Checked PEM material of one generation. Plain data: it is posted to the data-plane threads. */
export interface Credentials {
  /** Grows by one with every accepted change. */
  readonly generation: number;
  /** Leaf first, then intermediates. */
  readonly cert: string;
  readonly key: string;
  /** At least one CA certificate, every block parsed. */
  readonly ca: string;
  readonly crl?: string;
  /** SHA-256 fingerprints of the trusted CAs: tells whether trust shrank. */
  readonly caFingerprints: readonly string[];
  /** Revoked certificates, as `revocationKey()` in trust.ts names them. */
  readonly revoked: readonly string[];
  /** End of our own certificate, milliseconds since the epoch. */
  readonly notAfter: number;
  /** SANs of the leaf, for logs: `dns:a.b`. */
  readonly names: readonly string[];
}

/** The texts of one moment. */
export interface CredentialTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl?: string;
}
