/** What the client certificate of a finished handshake turned out to be. */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { PeerCertificate } from "../policy/decision.ts";
import { identityOf, type Identity } from "./identity.ts";

export interface VerifiedPeer {
  readonly certificate: PeerCertificate;
  /** Present when the certificate was verified. */
  readonly identity?: Identity;
  readonly x509?: X509Certificate;
  /** When the certificate ends, milliseconds since the epoch. */
  readonly notAfter?: number;
}

/**
 * @param requested whether a certificate was asked for in this handshake
 * @returns `verified` only when OpenSSL authorized a full handshake *and* a certificate is at hand: `authorized` alone has
 * been true without one (nodejs/node issue 35317)
 */
export function verifiedPeer(socket: TLSSocket, requested: boolean): VerifiedPeer {
  if (!requested) return { certificate: { state: "not-requested" } };
  const x509 = socket.getPeerX509Certificate();
  if (x509 === undefined) return { certificate: { state: "missing" } };
  if (!socket.authorized || socket.isSessionReused()) {
    return { certificate: { state: "refused", reason: "certificate-untrusted" } };
  }
  const identity = identityOf(x509);
  return {
    certificate: { state: "verified", sans: identity.sans },
    identity,
    x509,
    notAfter: x509.validToDate.getTime(),
  };
}
