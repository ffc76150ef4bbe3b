/** A `kubernetes.io/tls` Secret whose certificate is the controller's to keep: issued, renewed at two thirds, reissued when what it should say changes. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { ApiClient } from "../../api-server/client.ts";
import type { Authority } from "../certificate-authority/authority.ts";
import { BACKDATE_MS, issueCertificate, type CertificateSpec } from "../certificate-authority/issue.ts";
import { exportPrivateKey, generateKeys } from "../certificate-authority/keys.ts";
import { renewalTime } from "../certificate-authority/rotation.ts";
import { labelOf } from "../../api-server/objects.ts";
import { KEPT_LABEL } from "../names.ts";
import { isOurs, readObject, secretObject, secretPlace, secretTexts, writeObject } from "../objects/owned-objects.ts";

export interface KeptCertificate {
  /** By which the Secret is found again, in whatever namespace. */
  readonly mesh: string;
  readonly namespace: string;
  readonly secret: string;
  readonly names: CertificateSpec["names"];
  readonly usages: CertificateSpec["usages"];
  readonly validityMs: number;
}

export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** @returns what stands there, and whether it was issued by this call. Rejects with an ApiFailure or a ForeignObjectError. */
export async function keepCertificate(
  client: ApiClient,
  wanted: KeptCertificate,
  { authority, bundle }: { readonly authority: Authority; readonly bundle: string },
  now: number,
  signal: AbortSignal,
): Promise<TlsTexts & { readonly issued: boolean }> {
  const place = secretPlace(wanted.namespace, wanted.secret);
  const found = await readObject(client, place, signal);
  const former = tlsTexts(found === undefined ? {} : secretTexts(found));
  const good = stillGood(former, wanted, authority, now);
  const labelled = found === undefined || !isOurs(found) || labelOf(found, KEPT_LABEL) === wanted.mesh;
  if (good && former.ca === bundle && labelled) return { ...former, issued: false };
  const pair = good ? former : await issue(wanted, authority, now);
  const texts = { cert: pair.cert, key: pair.key, ca: bundle };
  const data = { "tls.crt": texts.cert, "tls.key": texts.key, "ca.crt": texts.ca };
  const object = secretObject("kubernetes.io/tls", data, { labels: { [KEPT_LABEL]: wanted.mesh } });
  await writeObject(client, place, found, object, signal);
  return { ...texts, issued: !good };
}

export function tlsTexts(texts: Readonly<Record<string, string>>): TlsTexts {
  const { "tls.crt": cert = "", "tls.key": key = "", "ca.crt": ca = "" } = texts;
  return { cert, key, ca };
}

async function issue(wanted: KeptCertificate, authority: Authority, now: number): Promise<Omit<TlsTexts, "ca">> {
  const { names, usages, validityMs } = wanted;
  const keys = await generateKeys();
  const cert = await issueCertificate(authority, { names, usages, validityMs, now, publicKey: keys.publicKey });
  return { cert, key: exportPrivateKey(keys.privateKey) };
}

function stillGood({ cert, key }: TlsTexts, wanted: KeptCertificate, authority: Authority, now: number): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const [notBefore, notAfter] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
    const issuer = new X509Certificate(Buffer.from(authority.certificate.rawData));
    const names = wanted.names.map((name) => `DNS:${name}`).join(", ");
    return (
      certificate.checkPrivateKey(createPrivateKey(key)) &&
      certificate.subjectAltName === names &&
      // A validity that was shortened holds for what is there too.
      notAfter - notBefore <= wanted.validityMs + BACKDATE_MS + 1_000 &&
      now < renewalTime(notBefore, notAfter) &&
      certificate.checkIssued(issuer) &&
      certificate.verify(issuer.publicKey)
    );
  } catch {
    return false;
  }
}
