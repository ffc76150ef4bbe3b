/** Roots: certificates that are signed by their own key. */
import type { X509Certificate } from "node:crypto";

export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}
