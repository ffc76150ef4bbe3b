/** A decision in the form that people and scripts get it: the same for `postern explain` and the admin port. */
import { authorizeBy } from "../authorize.ts";
import { backendState, ruleInForce, type Condition } from "../backend-state.ts";
import type { Peer, PeerCertificate, San, Verdict } from "../decision.ts";
import type { BackendPort } from "../model.ts";
import { peerAddress } from "../address/peer-address.ts";
import { nearestTo } from "./nearest.ts";
import type { ServiceState } from "../service-state.ts";
import type { Snapshot } from "../snapshot.ts";

/** What is supposed of a caller. */
export interface SupposedPeer {
  readonly address: string;
  readonly tls: boolean;
  readonly sni?: string;
  /** `undefined`: no certificate. Empty: a verified certificate without names. */
  readonly sans?: readonly San[];
}

export interface Explanation {
  readonly verdict: Verdict;
  /** `allowed`, or the test that refused. */
  readonly reason: string;
  readonly policy?: string;
  readonly source?: string;
  readonly principal?: string;
  readonly nearest?: string;
  /** Audit: the test that would have refused. */
  readonly wouldRefuse?: string;
  /** What holds for the port whoever asks: draining, a lagging thread, audit. */
  readonly conditions?: readonly Condition[];
}

export function explain(state: ServiceState, port: BackendPort, supposed: SupposedPeer): Explanation {
  const peer = toPeer(state.snapshot, port, supposed);
  const decision = authorizeBy(ruleInForce(state, port), peer);
  const { conditions } = backendState(state, port);
  const about = conditions.length > 0 ? { conditions } : {};
  if (decision.verdict === "forward") {
    const nearest = decision.wouldRefuse && nearestTo(state, port, peer, decision.wouldRefuse);
    return { reason: "allowed", ...decision, ...(nearest !== undefined && { nearest }), ...about };
  }
  const nearest = nearestTo(state, port, peer, decision.reason);
  return { ...decision, ...(nearest !== undefined && { nearest }), ...about };
}

/** A SAN in its written form: `dns:NAME` or `uri:URI`, the rest verbatim. */
export function parseSan(text: string): San | undefined {
  const [, type, value] = /^(dns|uri):([^]+)$/.exec(text) ?? [];
  return value === undefined ? undefined : { type: type === "uri" ? "uri" : "dns", value };
}

/** Where no certificate is asked for, none is seen, whatever the caller has: as on the data path. */
function toPeer(snapshot: Snapshot, port: BackendPort, { tls, sni, sans, ...supposed }: SupposedPeer): Peer {
  const address = peerAddress(supposed.address);
  if (!tls) return { address };
  const rule = snapshot.rules.get(port);
  const requested = rule?.state !== "open" || rule.clientCertificate;
  const shown: PeerCertificate = sans === undefined ? { state: "missing" } : { state: "verified", sans };
  return {
    address,
    tls: { ...(sni !== undefined && { sni }), certificate: requested ? shown : { state: "not-requested" } },
  };
}
