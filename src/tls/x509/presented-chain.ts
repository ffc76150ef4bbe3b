/** What a peer presented with its certificate, of a connection whose handshake is over. */
import { hash, X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { LRUCache } from "lru-cache";

/** Certificates that are looked at; OpenSSL ends a handshake that brings 100 KiB of them. */
const MAX_CERTIFICATES = 32;

/** Certificates that are kept parsed; a gateway's replicas share a handful. */
const REMEMBERED = 256;

/** By fingerprint: what is read of a certificate once is read for all connections that show it. */
const parsed = new LRUCache<string, X509Certificate>({ max: REMEMBERED });

/** The same object for the same certificate. */
function certificateOf(der: Uint8Array, fingerprint: string = hash("sha256", der, "hex")): X509Certificate {
  let certificate = parsed.get(fingerprint);
  if (certificate === undefined) {
    certificate = new X509Certificate(der);
    parsed.set(fingerprint, certificate);
  }
  return certificate;
}

/**
 * Leaf first, then the issuer of each as far as one was presented. Where several were, Node follows the first, and it stops
 * where the order is not that of the chain: `everythingPresented()` has the others. Empty when there is no certificate.
 */
export function firstIssuers(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  let entry: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (entry?.raw !== undefined && !seen.has(entry.fingerprint256 ?? "") && chain.length < MAX_CERTIFICATES) {
    seen.add(entry.fingerprint256 ?? "");
    chain.push(certificateOf(entry.raw));
    entry = entry.issuerCertificate;
  }
  return chain;
}

/**
 * The certificate of the handshake, or of the session that was resumed; the same object for the same certificate.
 * @param fingerprint `Identity.fingerprint` of it
 */
export function presentedLeaf(socket: TLSSocket, fingerprint: string): X509Certificate | undefined {
  const known = parsed.get(fingerprint);
  if (known !== undefined) return known;
  // Null once the socket is closed, whatever the type says.
  const { raw } = (socket.getPeerCertificate() ?? {}) as { readonly raw?: Uint8Array };
  return raw === undefined ? undefined : certificateOf(raw, fingerprint);
}

interface CertificateHandle {
  raw(): Uint8Array;
  getIssuerCert(): CertificateHandle | undefined;
}

interface SocketHandle {
  readonly getPeerX509Certificate?: (this: object) => CertificateHandle | undefined;
}

/**
 * All that was presented, in its order: the one list that Node has of it, behind a method without a documented name that
 * gives it once only and keeps its memory for ever (4.5 KiB a certificate). So nobody asks who has another way, nobody
 * twice, and whoever asks keeps the answer. Empty where Node has no such method or the socket is closed: the caller then
 * knows no more than `firstIssuers()` says.
 */
export function everythingPresented(socket: TLSSocket): readonly X509Certificate[] {
  const { _handle: handle } = socket as { readonly _handle?: object | null };
  if (handle === undefined || handle === null) return [];
  const { getPeerX509Certificate: read } = Object.getPrototypeOf(handle) as SocketHandle;
  const chain: X509Certificate[] = [];
  for (let entry = read?.call(handle); entry !== undefined && chain.length < MAX_CERTIFICATES;) {
    chain.push(certificateOf(entry.raw()));
    entry = entry.getIssuerCert();
  }
  return chain;
}
