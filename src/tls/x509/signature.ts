/** Verifies what X.509 signs, by the AlgorithmIdentifier that stands beside the signature (RFC 5280, RFC 4055, RFC 8410). */
import { constants, verify, type KeyObject } from "node:crypto";
import { readChildren, readOid, TAG, type Element } from "./der.ts";

export interface Signature {
  /** Absent for EdDSA, which has its own. */
  readonly digest?: string;
  readonly pss: boolean;
  readonly value: Uint8Array;
}

const DIGESTS: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
};
/** Ed25519 and Ed448. */
const EDWARDS = new Set(["1.3.101.112", "1.3.101.113"]);
const RSASSA_PSS = "1.2.840.113549.1.1.10";
const PSS_DIGESTS: Readonly<Record<string, string>> = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** @throws RangeError for an algorithm that is not served: SHA-1 among others */
export function readSignature(der: Uint8Array, algorithm: Element, bits: Element): Signature {
  const [oid, parameters] = readChildren(der, algorithm);
  const id = readOid(der, oid);
  // The first byte of a BIT STRING counts its unused bits.
  const value = der.slice(bits.start + 1, bits.end);
  if (EDWARDS.has(id)) return { pss: false, value };
  const digest = id === RSASSA_PSS ? pssDigest(der, parameters) : DIGESTS[id];
  if (digest === undefined) throw new RangeError(`signature algorithm ${id} is not RSA or ECDSA with SHA-2, or EdDSA`);
  return { digest, pss: id === RSASSA_PSS, value };
}

/** Without a hash algorithm the standard means SHA-1. */
function pssDigest(der: Uint8Array, parameters: Element | undefined): string | undefined {
  const hash = parameters && readChildren(der, parameters).find((element) => element.tag === TAG.zero);
  const [algorithm] = hash === undefined ? [] : readChildren(der, hash);
  return algorithm && PSS_DIGESTS[readOid(der, readChildren(der, algorithm)[0])];
}

/** Total: a key of another kind verifies nothing. */
export function verifies(content: Uint8Array, { digest, pss, value }: Signature, key: KeyObject): boolean {
  try {
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    return verify(digest ?? null, content, { key, ...(pss && padding) }, value);
  } catch {
    return false;
  }
}
