/** SPIFFE trust domains: whose CA may vouch for a certificate, and for which of its names. */
import type { San } from "../../policy/decision.ts";

/**
 * SPIFFE-ID sections 2.1 and 2.2: scheme and trust domain are lower-case, there is no port, user, query or fragment; of the
 * path no segment is empty, `.` or `..`, so that none ends with a slash.
 */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*)$/;

/** Of a trust domain or a member of it; `undefined` for what is no SPIFFE ID. */
export function trustDomainOf(id: string): string | undefined {
  return SPIFFE_ID.exec(id)?.[1];
}

/** As `trustDomainOf`, of a member alone: an ID without a path is the trust domain's own, and no leaf's (X509-SVID sections 3.1 and 5.2). */
export function workloadDomainOf(id: string): string | undefined {
  const [, domain, path] = SPIFFE_ID.exec(id) ?? [];
  return path === "" ? undefined : domain;
}

/**
 * The trust domain whose CAs must have issued a certificate with these names: our own where there is no SPIFFE ID;
 * `undefined`, and nobody's, for one that is malformed, no member's or not the only URI (X509-SVID sections 2 and 3.1).
 */
export function vouchingDomain(names: readonly San[], own: string): string | undefined {
  const uris = names.filter(({ type }) => type === "uri");
  if (!uris.some(({ value }) => /^spiffe:/i.test(value))) return own;
  return uris.length === 1 ? workloadDomainOf(uris[0]!.value) : undefined;
}

/** Another trust domain vouches for its SPIFFE IDs alone: a DNS name in its certificates may be one of ours. */
export function vouchedNames(names: readonly San[], own: string): readonly San[] {
  return vouchingDomain(names, own) === own ? names : names.filter(({ type }) => type === "uri");
}
