/**
 * What a change of credentials, or the passing of time, takes from a connection whose handshake is long over. OpenSSL
 * looks at certificates in handshakes only.
 */
import type { Refused } from "../../policy/decision.ts";
import type { Credentials } from "../../tls/credentials.ts";
import { judgeTrust, presentedChain, type LostTrust } from "../../tls/trust.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";

/** Judges one connection by the credentials in force; costs nothing where they trust what its handshake trusted. */
export function judgeConnectionTrust(
  connection: AcceptedConnection,
  credentials: Credentials | undefined,
): Refused | undefined {
  return trustJudge(credentials)(connection);
}

/** A judge for many connections: each chain is verified once, and a gateway's replicas share theirs. */
export function trustJudge(
  credentials: Credentials | undefined,
): (connection: AcceptedConnection) => Refused | undefined {
  const verdicts = new Map<string, LostTrust | undefined>();
  return (connection) => {
    const { secured } = connection;
    if (secured === undefined) return undefined;
    if (credentials === undefined) return { verdict: "close", reason: "no-credentials" };
    if (secured.verified.certificate.state !== "verified" || sameTrust(secured.trust, credentials)) return undefined;
    const chain = presentedChain(secured.socket);
    const key = chain.map((certificate) => certificate.fingerprint256).join();
    if (!verdicts.has(key)) verdicts.set(key, judgeTrust(chain, credentials, Date.now()));
    const lost = verdicts.get(key);
    if (lost === undefined) {
      secured.trust = credentials;
      return undefined;
    }
    return { verdict: "tls-alert", reason: lost };
  };
}

/** A certificate that runs out while its connection is open. `nowMs` since the epoch. */
export function judgeExpiry(connection: AcceptedConnection, nowMs: number): Refused | undefined {
  const notAfter = connection.secured?.verified.identity?.notAfter;
  if (notAfter === undefined || nowMs <= notAfter) return undefined;
  return { verdict: "tls-alert", reason: "certificate-expired" };
}

/** The same CAs and the same revocations: whatever was good is good. */
function sameTrust(before: Credentials, now: Credentials): boolean {
  if (before === now) return true;
  return sameSet(before.caFingerprints, now.caFingerprints) && sameSet(before.revoked, now.revoked);
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join("\n") === b.toSorted().join("\n");
}
