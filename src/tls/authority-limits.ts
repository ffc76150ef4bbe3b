/** What a CA certificate says that it may not issue (RFC 5280 sections 4.2.1.9, 4.2.1.10, 4.2.1.12). */
import type { X509Certificate } from "node:crypto";
import { readChildren, readElement, TAG } from "./der.ts";
import { findExtension } from "./extension.ts";
import { nameConstraintsOf, type NameConstraints } from "./name-constraints.ts";

const BASIC_CONSTRAINTS = "2.5.29.19";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

export interface AuthorityLimits {
  /** CAs that may stand between it and a leaf; absent: any number. */
  readonly pathLength?: number;
  /** False where the extended key usage leaves client certificates out. */
  readonly clientAuth: boolean;
  readonly names?: NameConstraints;
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
    return { ...(pathLength !== undefined && { pathLength }), clientAuth, ...(names !== undefined && { names }) };
  } catch (error) {
    if (error instanceof RangeError) return { pathLength: -1, clientAuth: false };
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
