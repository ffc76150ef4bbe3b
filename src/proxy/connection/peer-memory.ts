/**
 * The distinct callers of late, for whoever wants to know what an edited policy would do to them. Bounded: of those that
 * are served and of those that are refused the most recent ones, each with room of its own, so that no flood of refused
 * callers drives out the others.
 */
import { LRUCache } from "lru-cache";
import type { Decision, RefusalReason } from "../../policy/decision.ts";
import { refusesEverybody } from "../../policy/refuses-everybody.ts";
import type { PeerRow } from "../../telemetry/records.ts";
import { mergePeers, peerKey, unitePeers } from "../peers.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import { admissionOf, causeOf } from "./connection-phase.ts";

/** Of each kind, on each thread. */
const MOST_PEERS = 1_000;
const MOST_NAMES = 32;
/** Longest server name of RFC 1035. */
const MOST_LETTERS = 255;

export class PeerMemory {
  readonly #served = new LRUCache<string, PeerRow>({ max: MOST_PEERS });
  readonly #refused = new LRUCache<string, PeerRow>({ max: MOST_PEERS });

  /** A connection that is over. */
  note(connection: AcceptedConnection, now: number): void {
    const row = rowOf(connection, now);
    if (row === undefined) return;
    const key = peerKey(row);
    const known = [this.#served.get(key), this.#refused.get(key)].filter((one) => one !== undefined);
    const merged = mergePeers([...known, row]);
    const [into, other] = merged.verdict === "forward" ? [this.#served, this.#refused] : [this.#refused, this.#served];
    other.delete(key);
    into.set(key, merged);
  }

  /** With those that are connected now. */
  rows(live: Iterable<AcceptedConnection>, now: number): readonly PeerRow[] {
    const current = [...live].flatMap((connection) => rowOf(connection, now) ?? []);
    return unitePeers([...this.#served.values(), ...this.#refused.values(), ...current]);
  }
}

/** `undefined` for one that was never judged. */
function rowOf(connection: AcceptedConnection, now: number): PeerRow | undefined {
  const { phase, port, peer, address, facts, startedAt } = connection;
  const admission = admissionOf(phase);
  const refusal = causeOf(phase)?.refusal;
  // A connection that was served and is lost with all others was served.
  const lostWithAll = refusesEverybody(refusal?.reason) || refusesEverybody(reasonOf(admission?.decision));
  const decision = lostWithAll
    ? (admission?.allowed ?? refusal ?? admission?.decision)
    : (refusal ?? admission?.decision);
  if (decision === undefined || address === "") return undefined;
  const certificate = peer.tls?.certificate;
  const names = certificate?.state === "verified" ? certificate.sans : [];
  const reason = decision.verdict === "forward" ? decision.wouldRefuse : decision.reason;
  const refused = refusedCertificate(reason);
  return {
    port,
    address,
    tls: peer.tls !== undefined || facts.sni !== undefined || refused !== undefined || reason === "tls-unexpected",
    ...(facts.sni !== undefined && { sni: facts.sni.slice(0, MOST_LETTERS) }),
    certificate: refused ?? certificate?.state ?? "unseen",
    sans: names.slice(0, MOST_NAMES).map(({ type, value }) => `${type}:${value}`),
    verdict: decision.verdict,
    ...(reason !== undefined && { reason }),
    ...(decision.policy !== undefined && { policy: decision.policy }),
    firstSeen: startedAt,
    lastSeen: now,
    count: 1,
  };
}

function reasonOf(decision: Decision | undefined): RefusalReason | undefined {
  return decision === undefined || decision.verdict === "forward" ? undefined : decision.reason;
}

/** What a refusal of the certificate says of it, where the handshake came to nothing. */
function refusedCertificate(reason: string | undefined): "missing" | "refused" | undefined {
  if (reason === "certificate-missing") return "missing";
  return reason?.startsWith("certificate-") === true || reason?.startsWith("crl-") === true ? "refused" : undefined;
}
