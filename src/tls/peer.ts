/** What the client certificate of a handshake turned out to be. */
import type { TLSSocket } from "node:tls";
import type { PeerCertificate } from "../policy/decision.ts";
import type { Credentials } from "./credentials.ts";
import { identityOf, type Identity } from "./x509/identity.ts";
import { certificateInSession } from "./x509/session-certificate.ts";
import { vouchedNames } from "./x509/trust-domain.ts";

export interface VerifiedPeer {
  readonly certificate: PeerCertificate;
  /** Present when the certificate was verified. */
  readonly identity?: Identity;
}

/** The certificate that was presented, believed or not. To be read when the handshake is over. */
export function presentedIdentity(socket: TLSSocket): Identity | undefined {
  // Null once the socket is closed, whatever the type says.
  const session = socket.getSession() as Buffer | null | undefined;
  if (session !== undefined && session !== null) {
    try {
      const der = certificateInSession(session);
      if (der !== undefined) return identityOf(der);
    } finally {
      // It holds the secret of the connection as well.
      session.fill(0);
    }
  }
  // Empty without a certificate, whatever the type says.
  const { raw } = socket.getPeerCertificate() as { readonly raw?: Uint8Array };
  return raw === undefined ? undefined : identityOf(raw);
}

/**
 * OpenSSL's verdict on the certificate that was presented; `undefined` where all is well.
 * @throws TypeError where Node has no such method any more: a certificate that nobody has judged is not believed
 */
export function verificationFault(socket: TLSSocket): Error | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle: { verifyError(): Error | null } };
  return handle.verifyError() ?? undefined;
}

/**
 * @param requested whether a certificate was asked for in this handshake
 * @param credentials of this handshake
 * @returns `verified` only when OpenSSL authorized the handshake, or the one that a resumed session stems from, *and* a
 * certificate is at hand: `authorized` alone has been true without one (nodejs/node issue 35317). Of a resumed session that
 * is no more than who it was: it is to be held against the trust of the moment
 */
export function verifiedPeer(
  socket: TLSSocket,
  requested: boolean,
  presented: Identity | undefined,
  { trustDomains }: Pick<Credentials, "trustDomains">,
): VerifiedPeer {
  if (!requested) return { certificate: { state: "not-requested" } };
  if (presented === undefined) return { certificate: { state: "missing" } };
  if (!socket.authorized) return { certificate: { state: "refused", reason: "certificate-untrusted" } };
  const sans = trustDomains === undefined ? presented.sans : vouchedNames(presented.sans, trustDomains.own);
  return {
    certificate: { state: "verified", sans },
    identity: sans === presented.sans ? presented : { ...presented, sans },
  };
}
