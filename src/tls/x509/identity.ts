/**
 * The names that a certificate carries, read from its DER: never from the joined `subjectAltName` text, which has been
 * fooled by commas and quotes inside a name (CVE-2021-44531, CVE-2021-44532).
 */
import { hash, X509Certificate } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { San } from "../../policy/decision.ts";
import { readChildren, readElement, TAG, type Element } from "./der.ts";
import { findExtension } from "./extension.ts";

/** id-ce-subjectAltName. */
const SUBJECT_ALT_NAME = "2.5.29.17";

/** Certificates whose names are remembered; a gateway's replicas share a handful. */
const REMEMBERED = 1_024;

/** What a certificate claims about its holder, verified or not. */
export interface Identity {
  /** SHA-256 of the DER, lower-case hex: what `x-forwarded-client-cert` calls `Hash`. */
  readonly fingerprint: string;
  /** DNS and URI names in the order of the certificate. */
  readonly sans: readonly San[];
  /** When the certificate ends, milliseconds since the epoch. */
  readonly notAfter: number;
}

// Keyed by the hash of the whole certificate, which never says anything else; what policy makes of it is never kept.
const remembered = new LRUCache<string, Identity>({ max: REMEMBERED });

/**
 * Identity of a presented certificate, verified or not.
 * @param der the certificate as it was presented
 */
export function identityOf(der: Uint8Array): Identity {
  const fingerprint = hash("sha256", der, "hex");
  const known = remembered.get(fingerprint);
  if (known !== undefined) return known;
  const notAfter = new X509Certificate(der).validToDate.getTime();
  const identity: Identity = { fingerprint, sans: readSans(der), notAfter };
  remembered.set(fingerprint, identity);
  return identity;
}

/** DNS and URI names of a certificate. Other kinds (addresses, e-mail) are no principals. */
export function sansOf(certificate: X509Certificate): readonly San[] {
  return identityOf(certificate.raw).sans;
}

/** A certificate that cannot be walked, or names that hold a byte outside visible ASCII, yield no name: they match nobody. */
function readSans(der: Uint8Array): readonly San[] {
  try {
    const extension = findExtension(der, SUBJECT_ALT_NAME);
    if (extension === undefined) return [];
    const names = readElement(der, extension.start, extension.end);
    return readChildren(der, names).flatMap((name): readonly San[] => {
      if (name.tag !== TAG.dnsName && name.tag !== TAG.uri) return [];
      const value = visibleAscii(der, name);
      return value === undefined ? [] : [{ type: name.tag === TAG.uri ? "uri" : "dns", value }];
    });
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** IA5String restricted to what a name or URI may hold; a NUL or a control character must not be read past or printed. */
function visibleAscii(der: Uint8Array, element: Element): string | undefined {
  if (element.start === element.end) return undefined;
  for (let index = element.start; index < element.end; index += 1) {
    const byte = der[index]!;
    if (byte < 0x20 || byte > 0x7e) return undefined;
  }
  return Buffer.from(der.buffer, der.byteOffset + element.start, element.end - element.start).toString("latin1");
}
