/** Where credentials stand in their life: what to warn of in time, and what keeps the sidecar from being ready. */
import type { OwnCertificate } from "../../policy/service-state.ts";
import type { Credentials } from "../credentials.ts";
import { endOfLists } from "./replacement.ts";

/** `third` and `tenth`: no more than this part of the certificate's life is left. */
export type LifeStage = "not-yet-valid" | "good" | "third" | "tenth" | "ended";

/** Why nobody can be served over TLS as things are, in words for the log. */
export type CredentialsFault =
  | "waiting for the first certificate"
  | "the certificate is not valid yet"
  | "the certificate has ended"
  | "a revocation list has ended";

/** The fault as every place names it: the reason that refuses, or the condition that holds. */
export const CODE_OF_FAULT = {
  "waiting for the first certificate": "no-credentials",
  "the certificate is not valid yet": "own-certificate-not-yet-valid",
  "the certificate has ended": "own-certificate-ended",
  "a revocation list has ended": "crl-ended",
} as const satisfies Readonly<Record<CredentialsFault, string>>;

/** @param now milliseconds since the epoch */
export function lifeStage(
  { notBefore, notAfter }: Pick<Credentials, "notBefore" | "notAfter">,
  now: number,
): LifeStage {
  if (now < notBefore) return "not-yet-valid";
  if (now > notAfter) return "ended";
  const left = lifeLeft({ notBefore, notAfter }, now);
  if (left <= 1 / 10) return "tenth";
  return left <= 1 / 3 ? "third" : "good";
}

/** Share of the certificate's life, 0 to 1. */
export function lifeLeft({ notBefore, notAfter }: Pick<Credentials, "notBefore" | "notAfter">, now: number): number {
  return Math.min(1, Math.max(0, (notAfter - now) / (notAfter - notBefore)));
}

export function credentialsFault(credentials: Credentials, now: number): CredentialsFault | undefined {
  const stage = lifeStage(credentials, now);
  if (stage === "not-yet-valid") return "the certificate is not valid yet";
  if (stage === "ended") return "the certificate has ended";
  return endOfLists(credentials) < now ? "a revocation list has ended" : undefined;
}

/** @param problem why there are none although files are configured */
export function ownCertificate(credentials: Credentials | undefined, problem?: string): OwnCertificate {
  if (credentials === undefined) return { state: "none", ...(problem !== undefined && { problem }) };
  const { origin, notBefore, notAfter } = credentials;
  const listsEnd = endOfLists(credentials);
  return {
    state: "held",
    origin: origin.cert,
    notBefore,
    notAfter,
    ...(Number.isFinite(listsEnd) && { listsEnd, ...(origin.crl !== undefined && { listsOrigin: origin.crl }) }),
  };
}
