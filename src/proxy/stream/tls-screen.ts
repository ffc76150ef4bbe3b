/**
 * Looks at what a caller sends first where no TLS is spoken, before any of it is passed on. It need not be the one that
 * begins: in SMTP or MySQL the server does.
 */

/** ContentType handshake and the major version of every TLS (RFC 8446 section 5.1), with which a ClientHello begins. */
const RECORD_START = Buffer.from([0x16, 0x03]);
/** Minor versions of records: SSL 3.0 to TLS 1.3. */
const LAST_MINOR = 0x04;
const JUDGED_BYTES = RECORD_START.length + 1;

export type Screened =
  | { readonly state: "clear"; readonly bytes: Buffer }
  /** So far it could be both. */
  | { readonly state: "held" }
  | { readonly state: "tls" };

export class TlsScreen {
  #held: Buffer = Buffer.alloc(0);

  /** Bytes are here that were not passed on. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** To be asked until it says `clear`, with every chunk; that has all bytes so far. */
  screen(chunk: Buffer): Screened {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const length = Math.min(bytes.length, RECORD_START.length);
    if (bytes.compare(RECORD_START, 0, length, 0, length) !== 0) return { state: "clear", bytes };
    if (bytes.length >= JUDGED_BYTES) return bytes[2]! <= LAST_MINOR ? { state: "tls" } : { state: "clear", bytes };
    this.#held = bytes;
    return { state: "held" };
  }
}
