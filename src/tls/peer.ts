/** What the client certificate of a handshake turned out to be. */
import type { TLSSocket } from "node:tls";
import type { PeerCertificate } from "../policy/decision.ts";
import { identityOf, type Identity } from "./identity.ts";

export interface VerifiedPeer {
  readonly certificate: PeerCertificate;
  /** Present when the certificate was verified. */
  readonly identity?: Identity;
}

/**
 * The certificate that was presented, believed or not. To be read when the handshake is over and before Node makes up its
 * mind about it: Node 24.21 then asks the socket's handle for the certificate once more (its response to nodejs/node issue
 * 35317), by a method that takes a reference in OpenSSL and never gives it back, as the public getPeerX509Certificate()
 * does. A connection with a client certificate would cost 4.5 KiB for ever, so the handle is given our answer instead.
 */
export function presentedIdentity(socket: TLSSocket): Identity | undefined {
  // Empty without a certificate, whatever the type says.
  const { raw } = socket.getPeerCertificate() as { readonly raw?: Uint8Array };
  const { _handle: handle } = socket as { readonly _handle?: { getPeerX509Certificate?: () => object | undefined } };
  if (handle?.getPeerX509Certificate !== undefined)
    handle.getPeerX509Certificate = () => (raw === undefined ? undefined : {});
  return raw === undefined ? undefined : identityOf(raw);
}

/**
 * OpenSSL's words for what is wrong with the certificate that was presented: a list of codes is all that Node gives later,
 * and keys or digests that are too weak, name constraints and others are `UNSPECIFIED` in it. To be read where
 * `presentedIdentity()` is; `undefined` where all is well, or where Node has no such method any more.
 */
export function verificationFault(socket: TLSSocket): string | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly verifyError?: () => Error | null } };
  return handle?.verifyError?.()?.message;
}

/**
 * @param requested whether a certificate was asked for in this handshake
 * @returns `verified` only when OpenSSL authorized a full handshake *and* a certificate is at hand: `authorized` alone has
 * been true without one (nodejs/node issue 35317)
 */
export function verifiedPeer(socket: TLSSocket, requested: boolean, presented: Identity | undefined): VerifiedPeer {
  if (!requested) return { certificate: { state: "not-requested" } };
  if (presented === undefined) return { certificate: { state: "missing" } };
  if (!socket.authorized || socket.isSessionReused()) {
    return { certificate: { state: "refused", reason: "certificate-untrusted" } };
  }
  return { certificate: { state: "verified", sans: presented.sans }, identity: presented };
}
