/** A new key, which never leaves this process's memory, and the PKCS#10 request for its certificate. */
// @peculiar/x509 finds its parts by decorators.
import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export interface KeyAndRequest {
  /** PKCS#8, PEM. */
  readonly key: string;
  /** PEM. */
  readonly request: string;
}

/** @param name the only DNS SAN; what else a certificate says is its issuer's to decide */
export async function newKeyAndRequest(name: string): Promise<KeyAndRequest> {
  const keys: webcrypto.CryptoKeyPair = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: name }])],
  });
  return {
    key: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString(),
    request: `${request.toString("pem")}\n`,
  };
}
