/** What newly read credentials may take the place of those in force: nothing that works is replaced by what does not. */
import { CredentialsError } from "../credentials-error.ts";
import type { Credentials, CredentialsOrigin } from "../credentials.ts";

export interface Replacement {
  /** What is to be in force; `undefined` where nothing changes. */
  readonly credentials: Credentials | undefined;
  /** What was read and is not used. */
  readonly fault?: CredentialsError;
}

/**
 * A certificate that is not valid yet is kept back until it is. The trust that came with it is in force at once, because what
 * it withdraws must not be trusted until then.
 *
 * @throws CredentialsError for lists that have ended, in place of such as have not
 */
export function replacementOf(
  current: Credentials,
  next: Credentials,
  origin: CredentialsOrigin,
  now: number,
): Replacement {
  const ended = endOfLists(next);
  if (ended < now && now <= endOfLists(current))
    throw new CredentialsError(
      `${origin.crl} holds a list that was to be replaced by ${new Date(ended).toISOString()}: provide the current one`,
    );
  if (next.notBefore <= now || current.notBefore > now || current.notAfter < now)
    return { credentials: sameMaterial(current, next) ? undefined : next };
  const { cert, key, notBefore, notAfter, names } = current;
  const kept: Credentials = { ...next, cert, key, notBefore, notAfter, names };
  const fault = new CredentialsError(
    `${origin.cert} is not valid before ${new Date(next.notBefore).toISOString()}: the certificate of before is shown until then; is this machine's clock right?`,
  );
  return { credentials: sameMaterial(current, kept) ? undefined : kept, fault };
}

/** When the first of the lists ends that is not accepted beyond its end. */
export function endOfLists({ lists, expiredLists }: Credentials): number {
  if (expiredLists === "accept") return Number.POSITIVE_INFINITY;
  return Math.min(...lists.map(({ nextUpdate = Number.POSITIVE_INFINITY }) => nextUpdate));
}

function sameMaterial(a: Credentials, b: Credentials): boolean {
  const material = ({ cert, key, ca, trust, lists }: Credentials): string =>
    [cert, key, ca, trust, ...lists.map(({ pem }) => pem)].join("\n");
  return material(a) === material(b);
}
