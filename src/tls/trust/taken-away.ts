/**
 * Trust that a set of new files withdraws although the set cannot be used as a whole: CAs that its bundle leaves out, and
 * certificates that its lists revoke. Such a set never adds trust: no CA is added, no revocation ends, no list lasts longer.
 */
import { X509Certificate } from "node:crypto";
import { judgeAuthorities, trustDigest } from "./authorities.ts";
import type { Credentials, CredentialsOrigin, CredentialTexts } from "../credentials.ts";
import { pemFault, splitPem } from "../x509/pem.ts";
import { revokedIn, type RevocationList } from "../revocation.ts";

/** Those texts of a set that could be read. */
export type TrustTexts = Partial<Pick<CredentialTexts, "ca" | "crl">>;

/** @returns what replaces `current`; `undefined` where nothing is withdrawn */
export function withoutWithdrawn(
  current: Credentials,
  origin: CredentialsOrigin,
  { ca, crl }: TrustTexts,
  now: number,
): Credentials | undefined {
  const authorities = splitPem(current.ca).map((block) => new X509Certificate(block));
  // A bundle of trust domains says besides for whom a CA vouches: it is taken as a whole or not at all.
  const isJudged = ca !== undefined && current.trustDomains === undefined;
  const kept = isJudged ? keptBy(origin.ca, ca, authorities, now) : authorities;
  const lists = crl === undefined ? current.lists : withRevoked(current.lists, revokedIn(crl, authorities));
  const trust = trustDigest(kept, lists, current.trustDomains);
  if (trust === current.trust) return undefined;
  const isAdded = current.serialsAdded === true || lists.some((list, index) => list !== current.lists[index]);
  return {
    ...current,
    generation: current.generation + 1,
    ca: kept.map((certificate) => certificate.toString()).join(""),
    lists,
    trust,
    ...(isAdded && { serialsAdded: true }),
    warnings: [
      "what cannot be used as a whole still takes away: CAs that it leaves out and certificates that it revokes",
    ],
  };
}

/** All of them for a text that is damaged, or that holds no usable root: the file may be half written. */
function keptBy(
  origin: string,
  text: string,
  authorities: readonly X509Certificate[],
  now: number,
): readonly X509Certificate[] {
  try {
    if (pemFault(text) !== undefined) return authorities;
    const named = new Set(splitPem(text).map((block) => new X509Certificate(block).fingerprint256));
    const kept = authorities.filter(({ fingerprint256 }) => named.has(fingerprint256));
    return judgeAuthorities(origin, kept, now).certificates;
  } catch {
    return authorities;
  }
}

/** The list of a CA that had none adds nothing: it would open what is closed as `crl-missing`. */
function withRevoked(
  lists: readonly RevocationList[],
  revoked: ReadonlyMap<string, readonly string[]>,
): readonly RevocationList[] {
  return lists.map((list) => {
    const serials = list.issuerKey === undefined ? undefined : revoked.get(list.issuerKey);
    if (serials === undefined || serials.every((serial) => list.serials.has(serial))) return list;
    return { ...list, serials: new Set([...list.serials, ...serials]) };
  });
}
