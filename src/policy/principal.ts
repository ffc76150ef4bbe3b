/**
 * Names that a verified certificate may carry. A listed name with a scheme (`spiffe://...`) is compared with URI SANs, any
 * other with DNS SANs: verbatim and case-sensitive, as OSM's Envoy does. The subject (CN) is never looked at.
 */
import type { San } from "./decision.ts";
import type { PrincipalSet } from "./snapshot.ts";

/** The one wildcard: any certificate of the mesh, but a certificate all the same. */
export const ANY_PRINCIPAL = "*";

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

/** Which kind of SAN a listed name is compared with. */
export function principalType(name: string): San["type"] {
  return SCHEME.test(name) ? "uri" : "dns";
}

/** @param names as listed; an empty list makes every verified certificate good (OSM behaviour) */
export function buildPrincipalSet(names: readonly string[]): PrincipalSet {
  const dns = new Set<string>();
  const uri = new Set<string>();
  for (const name of names) (principalType(name) === "uri" ? uri : dns).add(name);
  return { any: names.length === 0 || names.includes(ANY_PRINCIPAL), dns, uri };
}

/**
 * The listed name that one of the SANs equals, `*` where any certificate is good, or `undefined`. Each type is asked for by
 * its name: a SAN of a third one, which callers without types may hand in, must not be taken for one of the two.
 */
export function matchPrincipal(set: PrincipalSet, sans: readonly San[]): string | undefined {
  for (const { type, value } of sans) {
    if ((type === "dns" && set.dns.has(value)) || (type === "uri" && set.uri.has(value))) return value;
  }
  return set.any ? ANY_PRINCIPAL : undefined;
}
