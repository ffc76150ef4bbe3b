/** Names of certificates' holders and issuers. Node has `undefined` for an empty one, whatever its types say. */
import type { X509Certificate } from "node:crypto";

export function holderOf({ subject }: X509Certificate): string {
  return subject ?? "";
}

export function issuerOf({ issuer }: X509Certificate): string {
  return issuer ?? "";
}

/** On one line, for messages. */
export function holderText(certificate: X509Certificate): string {
  return holderOf(certificate).replaceAll("\n", ", ");
}
