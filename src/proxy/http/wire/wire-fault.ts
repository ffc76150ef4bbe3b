/** Why bytes are no message that HTTP/1.1's strict grammar knows. A value and never thrown: bad input is not exceptional. */

export type WireFaultKind =
  /** Against the grammar (RFC 9112). */
  | "malformed"
  /** A section is larger than its limit in bytes. */
  | "too-large"
  /** More field lines than the limit. */
  | "too-many-lines"
  /** Where the message ends could be read in two ways, or in none that is known (RFC 9112 section 6.3). */
  | "framing";

export class WireFault {
  readonly kind: WireFaultKind;
  /** One line for humans. */
  readonly reason: string;

  constructor(kind: WireFaultKind, reason: string) {
    this.kind = kind;
    this.reason = reason;
  }
}
