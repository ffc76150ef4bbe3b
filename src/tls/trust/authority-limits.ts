/** What a CA certificate may not issue, by what it says (RFC 5280 sections 4.2.1.9, 4.2.1.10, 4.2.1.12). */
import type { X509Certificate } from "node:crypto";
import { readChildren, readElement, TAG } from "../x509/der.ts";
import { findExtension } from "../x509/extension.ts";
import { nameConstraintsOf, type NameConstraints } from "../x509/name-constraints.ts";

const BASIC_CONSTRAINTS = "2.5.29.19";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const LEAST_RSA_BITS = 2_048;
const WEAK_SIGNATURE = /sha1|md5/i;

export interface AuthorityLimits {
  /** CAs that may stand between it and a leaf; absent: any number. */
  readonly pathLength?: number;
  /** False where the extended key usage leaves client certificates out. */
  readonly clientAuth: boolean;
  readonly names?: NameConstraints;
  /** Its key, or the digest of the signature on it, is below OpenSSL's security level 2, which Node's TLS has. */
  readonly weakKey: boolean;
  readonly weakSignature: boolean;
}

/** What cannot be read allows nothing. */
export function limitsOf(certificate: X509Certificate): AuthorityLimits {
  // Node calls the extended key usage by this name; the type has it always there.
  const usages = certificate.keyUsage as readonly string[] | undefined;
  const clientAuth = usages === undefined || usages.includes(CLIENT_AUTH);
  const der = certificate.raw;
  try {
    const pathLength = pathLengthIn(der);
    const names = nameConstraintsOf(der);
    return {
      ...(pathLength !== undefined && { pathLength }),
      clientAuth,
      ...(names !== undefined && { names }),
      weakKey: (certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? LEAST_RSA_BITS) < LEAST_RSA_BITS,
      weakSignature: WEAK_SIGNATURE.test(certificate.signatureAlgorithm ?? ""),
    };
  } catch (error) {
    if (error instanceof RangeError) return { pathLength: -1, clientAuth: false, weakKey: true, weakSignature: true };
    throw error;
  }
}

function pathLengthIn(der: Uint8Array): number | undefined {
  const extension = findExtension(der, BASIC_CONSTRAINTS);
  if (extension === undefined) return undefined;
  const fields = readChildren(der, readElement(der, extension.start, extension.end));
  const length = fields.find(({ tag }) => tag === TAG.integer);
  return length && Number.parseInt(Buffer.from(der.subarray(length.start, length.end)).toString("hex"), 16);
}
