/** The extensions of a certificate (RFC 5280 section 4.1). */
import { readChildren, readElement, readOid, TAG, type Element } from "./der.ts";

/**
 * Content of the OCTET STRING of the first extension with this object identifier.
 * @throws RangeError for what is no certificate
 */
export function findExtension(der: Uint8Array, id: string): Element | undefined {
  const [tbs] = readChildren(der, readElement(der, 0, der.length));
  const wrapper = tbs && readChildren(der, tbs).find((element) => element.tag === TAG.extensions);
  if (wrapper === undefined) return undefined;
  for (const extension of readChildren(der, readElement(der, wrapper.start, wrapper.end))) {
    const [oid, ...rest] = readChildren(der, extension);
    if (readOid(der, oid) === id) return rest.find((element) => element.tag === TAG.octetString);
  }
  return undefined;
}
