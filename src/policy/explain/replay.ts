/** What a state would make of callers that were seen: who would lose access, who would gain it, and why. Pure. */
import { authorizeBy, judgeAddress } from "../authorize.ts";
import { ruleInForce } from "../backend-state.ts";
import type { Decision, Peer, PeerCertificate, San, Verdict } from "../decision.ts";
import { backendPort } from "../model.ts";
import { nearestTo } from "./nearest.ts";
import { peerAddress } from "../address/peer-address.ts";
import { refusesEverybody } from "../refuses-everybody.ts";
import type { ServiceState } from "../service-state.ts";

/** One caller as a sidecar remembers it. */
export interface SeenPeer {
  readonly port: number;
  readonly address: string;
  readonly tls: boolean;
  readonly sni?: string;
  readonly certificate: "missing" | "not-requested" | "refused" | "unseen" | "verified";
  readonly sans: readonly San[];
  readonly verdict: Verdict;
  readonly reason?: string;
  readonly count: number;
  /** When it was first and last seen, milliseconds since the epoch; absent where the memory does not say. */
  readonly firstSeen?: number;
  readonly lastSeen?: number;
}

/** `audit`: served, and by an audit alone. `unknown`: what decides was never seen of it. */
export type Effect = "same" | "loses" | "gains" | "audit" | "refused-otherwise" | "unknown";

export interface Replayed {
  readonly peer: SeenPeer;
  readonly effect: Effect;
  readonly verdict: Verdict;
  /** `allowed`, or the test that refuses. */
  readonly reason: string;
  readonly nearest?: string;
}

export function replay(state: ServiceState, peers: readonly SeenPeer[]): readonly Replayed[] {
  return peers.map((peer) => replayOne(state, peer));
}

function replayOne(state: ServiceState, seen: SeenPeer): Replayed {
  const port = backendPort(seen.port);
  const rule = ruleInForce(state, port);
  const open = rule.state === "open" ? rule.open : undefined;
  const peer = toPeer(seen, open?.clientCertificate === true);
  const early = judgeAddress(rule, peer.address);
  const decision: Decision = early ?? authorizeBy(rule, peer);
  const refused = decision.verdict === "forward" ? undefined : decision;
  const nearest = refused && nearestTo(state, port, peer, refused.reason);
  return {
    peer: seen,
    effect: isUnknown(seen, decision, early === undefined && open?.protocol === "https")
      ? "unknown"
      : effectOf(seen, decision),
    verdict: decision.verdict,
    reason: decision.verdict === "forward" ? (decision.wouldRefuse ?? "allowed") : decision.reason,
    ...(nearest !== undefined && { nearest }),
  };
}

/**
 * What decides was never seen of it: what it gets while anybody is served, or its TLS.
 *
 * @param isTls its TLS decides: the backend is https, and the address is let in
 */
function isUnknown(seen: SeenPeer, decision: Decision, isTls: boolean): boolean {
  const refusal = decision.verdict === "forward" ? undefined : decision.reason;
  if (refusesEverybody(seen.reason) && refusal !== undefined && refusal !== seen.reason) return true;
  if (!isTls || seen.verdict === "forward" || seen.certificate !== "unseen") return false;
  switch (seen.reason) {
    // It spoke plaintext, and that is all there is to see of it.
    case "tls-expected":
      return false;
    case "sni-missing":
    case "sni-not-listed":
      return refusal !== "sni-missing" && refusal !== "sni-not-listed";
    default:
      return true;
  }
}

function effectOf({ verdict, reason, certificate }: SeenPeer, decision: Decision): Effect {
  if (decision.verdict === "forward" && decision.wouldRefuse !== undefined) return "audit";
  if (decision.verdict === "forward") return verdict === "forward" ? "same" : "gains";
  if (verdict === "forward") return "loses";
  if (verdict !== decision.verdict) return "refused-otherwise";
  // A certificate that was refused stays so, whatever the test was called.
  return reason === decision.reason || certificate === "refused" ? "same" : "refused-otherwise";
}

function toPeer({ address, tls, sni, certificate, sans, reason }: SeenPeer, demanded: boolean): Peer {
  if (!tls) return { address: peerAddress(address) };
  return {
    address: peerAddress(address),
    tls: { ...(sni !== undefined && { sni }), certificate: certificateOf({ certificate, sans, reason }, demanded) },
  };
}

/** A certificate that nobody asked for may be there or not: whoever asks for one now is told that it is missing. */
function certificateOf(
  { certificate, sans, reason }: { readonly reason: string | undefined } & Pick<SeenPeer, "certificate" | "sans">,
  demanded: boolean,
): PeerCertificate {
  switch (certificate) {
    case "verified":
      return { state: "verified", sans };
    case "missing":
      return { state: "missing" };
    case "refused":
      return { state: "refused", reason: refusalOf(reason) };
    case "not-requested":
    case "unseen":
      return { state: demanded ? "missing" : "not-requested" };
  }
}

function refusalOf(
  reason: string | undefined,
): "certificate-untrusted" | "certificate-expired" | "certificate-revoked" {
  return reason === "certificate-expired" || reason === "certificate-revoked" ? reason : "certificate-untrusted";
}
