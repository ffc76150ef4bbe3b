/**
 * Whether a certificate that was verified once would still be: for live connections, when the trust bundle or the CRL
 * changed, or time went by. OpenSSL verifies in handshakes only.
 */
import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { RefusalReason } from "../policy/decision.ts";
import type { Credentials } from "./credentials.ts";
import { splitPem } from "./pem.ts";

export type LostTrust = Extract<RefusalReason, "certificate-untrusted" | "certificate-expired" | "certificate-revoked">;

/** Longest path that is walked, leaf included: as OpenSSL's own default is far beyond any mesh. */
const MAX_DEPTH = 8;

/** Leaf first, then whatever the peer sent with it. Empty when there is none. */
export function presentedChain(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  let entry: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (entry?.raw !== undefined && !seen.has(entry.fingerprint256 ?? "") && chain.length < MAX_DEPTH) {
    seen.add(entry.fingerprint256 ?? "");
    chain.push(new X509Certificate(entry.raw));
    entry = entry.issuerCertificate;
  }
  return chain;
}

/** @returns what is wrong now, or `undefined` while the chain still leads to a trusted CA, in date and not revoked */
export function judgeTrust(
  chain: readonly X509Certificate[],
  credentials: Credentials,
  now: number,
): LostTrust | undefined {
  const [leaf, ...rest] = chain;
  if (leaf === undefined) return "certificate-untrusted";
  const anchors = splitPem(credentials.ca).map((pem) => new X509Certificate(pem));
  const path = findPath(leaf, rest, anchors);
  if (path === undefined) return "certificate-untrusted";
  if (path.some((certificate) => !inDate(certificate, now))) return "certificate-expired";
  const revoked = new Set(credentials.revoked);
  return path.some((certificate) => revoked.has(revocationKey(certificate))) ? "certificate-revoked" : undefined;
}

/** How a revoked certificate is named: the issuer as Node prints it, and the serial number. */
export function revocationKey(certificate: X509Certificate): string {
  return `${certificate.issuer}|${certificate.serialNumber}`;
}

function inDate(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime();
}

/** Leaf to anchor, by signature and not only by name; a certificate of the peer never becomes an anchor. */
function findPath(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  const path = [leaf];
  while (path.length <= MAX_DEPTH) {
    const current: X509Certificate = path.at(-1)!;
    if (anchors.some((anchor) => anchor.fingerprint256 === current.fingerprint256)) return path;
    const anchor = anchors.find((candidate) => issued(candidate, current));
    if (anchor !== undefined) return [...path, anchor];
    const next = intermediates.find((candidate) => !path.includes(candidate) && issued(candidate, current));
    if (next === undefined) return undefined;
    path.push(next);
  }
  return undefined;
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}
