/**
 * The sidecar's own certificate, key and trust bundle: read as one generation, checked as a pair, handed to the data
 * plane whole. Nothing unchecked ever reaches a secure context: an empty `ca` there would mean the public roots.
 */

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
  /** `issuer fingerprint-free` key of each revoked certificate: `<issuer RFC 2253 name>|<serial, upper-case hex>`. */
  readonly revoked: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** SANs of the leaf, for logs: `dns:a.b`. */
  readonly names: readonly string[];
}
