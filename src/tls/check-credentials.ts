/**
 * The sidecar's own certificate, key and trust bundle are checked together before anything uses them. Nothing unchecked
 * ever reaches a secure context: an empty `ca` there would mean the public roots.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { TlsFiles } from "../config/config.ts";
import { CredentialsError } from "./credentials-error.ts";
import type { Credentials, CredentialTexts } from "./credentials.ts";
import { sansOf } from "./identity.ts";
import { splitPem } from "./pem.ts";
import { readRevocations } from "./revocation.ts";
import { secureContextOptions } from "./secure-context.ts";

/** @throws CredentialsError naming the first file that cannot be used */
export function checkCredentials(
  files: TlsFiles,
  texts: CredentialTexts,
  generation: number,
  now: number,
): Credentials {
  const certificates = parseCertificates("--tls-cert", files.cert, texts.cert);
  const leaf = certificates[0]!;
  const key = parseKey(files.key, texts.key);
  if (!leaf.checkPrivateKey(key)) {
    throw new CredentialsError(
      `--tls-key ${files.key} does not belong to the certificate in --tls-cert ${files.cert}: expected the pair that was issued together`,
    );
  }
  if (leaf.validToDate.getTime() < now) {
    throw new CredentialsError(
      `--tls-cert ${files.cert} ended on ${leaf.validToDate.toISOString()}: issue a new certificate`,
    );
  }
  const authorities = parseCertificates("--tls-ca", files.ca, texts.ca).filter((certificate) => certificate.ca);
  if (authorities.length === 0) {
    throw new CredentialsError(
      `--tls-ca ${files.ca} holds no CA certificate: expected the mesh's root certificate (basicConstraints CA:TRUE)`,
    );
  }
  const revoked =
    texts.crl === undefined || files.crl === undefined ? [] : readRevocations(files.crl, texts.crl, authorities);
  const credentials: Credentials = {
    generation,
    cert: certificates.map((certificate) => certificate.toString()).join(""),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
    ca: authorities.map((certificate) => certificate.toString()).join(""),
    ...(texts.crl !== undefined && { crl: texts.crl }),
    caFingerprints: authorities.map((certificate) => certificate.fingerprint256).sort(),
    revoked,
    notAfter: leaf.validToDate.getTime(),
    names: sansOf(leaf).map((san) => `${san.type}:${san.value}`),
  };
  tryContext(files, credentials);
  return credentials;
}

function parseCertificates(flag: string, path: string, text: string): readonly X509Certificate[] {
  const blocks = splitPem(text);
  if (blocks.length === 0) {
    throw new CredentialsError(`${flag} ${path} holds no certificate: expected PEM with -----BEGIN CERTIFICATE-----`);
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new CredentialsError(
        `Certificate ${index + 1} in ${flag} ${path} cannot be parsed: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  });
}

function parseKey(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new CredentialsError(
      `--tls-key ${path} cannot be used: expected an unencrypted PEM private key (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    );
  }
}

/** OpenSSL decides last: weak keys and odd chains are refused here rather than in a thread. */
function tryContext(files: TlsFiles, credentials: Credentials): void {
  try {
    createSecureContext(secureContextOptions(credentials));
  } catch (cause) {
    throw new CredentialsError(
      `OpenSSL refuses --tls-cert ${files.cert} with --tls-key ${files.key}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
