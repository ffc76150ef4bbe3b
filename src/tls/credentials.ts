/**
 * The sidecar's own certificate, key and trust bundle: read as one generation, checked as a pair, handed to the data
 * plane whole. Nothing unchecked ever reaches a secure context: an empty `ca` there would mean the public roots.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createSecureContext } from "node:tls";
import type { TlsFiles } from "../config/config.ts";
import { CredentialsError } from "./credentials-error.ts";
import { sansOf } from "./identity.ts";
import { splitPem } from "./pem.ts";
import { readRevocations } from "./revocation.ts";
import { secureContextOptions } from "./secure-context.ts";

/** Checked PEM material of one generation. Plain data: it is posted to the data-plane threads. */
export interface Credentials {
  /** Grows by one with every accepted change. */
  readonly generation: number;
  /** Leaf first, then intermediates. */
  readonly cert: string;
  readonly key: string;
  /** At least one CA certificate, every block parsed. */
  readonly ca: string;
  readonly crl?: string;
  /** SHA-256 fingerprints of the trusted CAs: tells whether trust shrank. */
  readonly caFingerprints: readonly string[];
  /** Revoked certificates, as `revocationKey()` in trust.ts names them. */
  readonly revoked: readonly string[];
  /** End of our own certificate, milliseconds since the epoch. */
  readonly notAfter: number;
  /** SANs of the leaf, for logs: `dns:a.b`. */
  readonly names: readonly string[];
}

/** The texts of one moment. */
export interface CredentialTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl?: string;
}

/** @throws CredentialsError naming the first file that cannot be used */
export async function readCredentials(files: TlsFiles, generation: number): Promise<Credentials> {
  return checkCredentials(files, await readTexts(files), generation, Date.now());
}

/**
 * Reads all files of one generation. A Kubernetes secret volume swaps its `..data` link as a whole, so files are read
 * through the link's target, resolved once: a certificate never meets the key of another generation.
 *
 * @throws CredentialsError for a file that cannot be read
 */
export async function readTexts(files: TlsFiles): Promise<CredentialTexts> {
  const targets = new Map<string, Promise<string>>();
  const resolve = (directory: string): Promise<string> => {
    const known = targets.get(directory);
    if (known !== undefined) return known;
    // No `..data`: an ordinary directory.
    const target = realpath(join(directory, "..data")).catch(() => directory);
    targets.set(directory, target);
    return target;
  };
  const read = async (flag: string, path: string): Promise<string> => {
    try {
      return await readFile(join(await resolve(dirname(path)), basename(path)), "utf8");
    } catch (cause) {
      throw new CredentialsError(
        `Cannot read ${flag} ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  };
  const crl = files.crl === undefined ? undefined : await read("--tls-crl", files.crl);
  return {
    cert: await read("--tls-cert", files.cert),
    key: await read("--tls-key", files.key),
    ca: await read("--tls-ca", files.ca),
    ...(crl !== undefined && { crl }),
  };
}

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

/** The last word is OpenSSL's: weak keys and odd chains are refused here rather than in a thread. */
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
