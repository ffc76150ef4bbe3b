/** What a state would make of callers that were seen: who would lose access, who would gain it, and why. Pure. */
import { authorizeBy, judgeAddress } from "./authorize.ts";
import { ruleInForce } from "./backend-state.ts";
import type { Decision, Peer, PeerCertificate, San, Verdict } from "./decision.ts";
import { backendPort } from "./model.ts";
import { nearestTo } from "./nearest.ts";
import { peerAddress } from "./peer-address.ts";
import type { ServiceState } from "./service-state.ts";

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
  // One that was refused by its address has shown nothing else, so an https backend cannot be judged further.
  const early = judgeAddress(rule, peer.address);
  const blind = early === undefined && seen.verdict !== "forward" && seen.certificate === "unseen";
  const decision: Decision = early ?? authorizeBy(rule, peer);
  const refused = decision.verdict === "forward" ? undefined : decision;
  const nearest = refused && nearestTo(state, port, peer, refused.reason);
  return {
    peer: seen,
    effect: blind && open?.protocol === "https" ? "unknown" : effectOf(seen, decision),
    verdict: decision.verdict,
    reason: decision.verdict === "forward" ? (decision.wouldRefuse ?? "allowed") : decision.reason,
    ...(nearest !== undefined && { nearest }),
  };
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
