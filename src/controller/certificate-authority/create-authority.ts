/** A new root for a mesh that is given none: ECDSA P-256. */
import "reflect-metadata";
import { randomBytes } from "node:crypto";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { exportPrivateKey, generateKeys, KEY_ALGORITHM } from "./keys.ts";
import type { AuthorityTexts } from "./authority.ts";
import { BACKDATE_MS } from "./issue.ts";
import { serialNumber } from "./serial-number.ts";

export interface NewAuthority {
  readonly meshName: string;
  readonly now: number;
  readonly validityMs: number;
}

/** Each has a name of its own: two roots of one name in a bundle send verifiers down the wrong path. */
export async function createAuthority({ meshName, now, validityMs }: NewAuthority): Promise<AuthorityTexts> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`${meshName} mesh CA ${randomBytes(4).toString("hex")}`.slice(-64)] }, { O: ["Postern"] }],
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + validityMs),
    keys,
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const cert = `${certificate.toString("pem")}\n`;
  return { cert, key: exportPrivateKey(keys.privateKey), ca: cert };
}
