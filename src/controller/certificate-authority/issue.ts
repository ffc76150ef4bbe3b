/**
 * One certificate of the mesh: what OSM's say (the name as CN and only DNS SAN, for servers and clients), with an elliptic
 * key. Every field is made here from checked values; of what a requester sends, only its public key is taken.
 */
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { webcrypto } from "node:crypto";
import type { Authority } from "./authority.ts";
import { serialNumber } from "./serial-number.ts";

/** Clocks differ: a certificate that begins a little earlier is accepted at once. */
export const BACKDATE_MS = 300_000;
/** RFC 5280, ub-common-name: whoever's name is longer has it as SAN alone. */
const LONGEST_COMMON_NAME = 64;

const USAGES = { client: ExtendedKeyUsage.clientAuth, server: ExtendedKeyUsage.serverAuth } as const;

export interface CertificateSpec {
  /** DNS SANs; the first is the common name too. */
  readonly names: readonly [string, ...(readonly string[])];
  readonly publicKey: PublicKey | webcrypto.CryptoKey;
  readonly usages: readonly (keyof typeof USAGES)[];
  /** Shortened to what is left of the CA's own. */
  readonly validityMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The certificate and what is between it and its root, PEM. */
export async function issueCertificate(authority: Authority, spec: CertificateSpec): Promise<string> {
  const { names, publicKey, usages, validityMs, now } = spec;
  const [first] = names;
  const end = Math.min(now + validityMs, authority.certificate.notAfter.getTime());
  const common = first.length <= LONGEST_COMMON_NAME ? [{ CN: [first] }] : [];
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(usages.map((usage) => USAGES[usage])),
    new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value }))),
    await SubjectKeyIdentifierExtension.create(publicKey),
    // By the name that the CA's certificate gives its key: other tools compute it otherwise.
    authority.keyId === undefined
      ? await AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey)
      : new AuthorityKeyIdentifierExtension(authority.keyId),
  ];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...common, { O: ["Postern"] }],
    issuer: authority.certificate.subjectName,
    notBefore: new Date(Math.max(now - BACKDATE_MS, authority.certificate.notBefore.getTime())),
    notAfter: new Date(end),
    publicKey,
    signingKey: authority.key,
    signingAlgorithm: authority.algorithm,
    extensions,
  });
  return [`${certificate.toString("pem")}\n`, ...authority.chain].join("");
}
