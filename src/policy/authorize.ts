/**
 * The decision. Pure and total: no I/O, no clock, never throws; whatever it does not know, it refuses. The data path, the
 * re-judgement of live connections, the admin port and `postern explain` all call this and nothing else.
 */
import { findAddress, isEmptySet } from "./address-set.ts";
import type { Allowed, Decision, Peer, Refused, RefusalReason } from "./decision.ts";
import type { BackendPort } from "./model.ts";
import type { PeerAddress } from "./peer-address.ts";
import { matchPrincipal } from "./principal.ts";
import { matchServerName } from "./server-name.ts";
import { alternatives, type OpenRule, type Snapshot } from "./snapshot.ts";

/** Named where a rule has no address test. */
const ANY_ADDRESS = "any address";

/**
 * Decides whether a peer may reach the backend on a port.
 *
 * Tests in order: the port's rule, the source address, TLS if and only if the backend is https, the server name, the
 * client certificate, the principal. The first that fails names the reason.
 */
export function authorize(snapshot: Snapshot, port: BackendPort, peer: Peer): Decision {
  return authorizeBy(ruleFor(snapshot, port), peer);
}

/** `authorize` for whoever has looked the rule up already. */
export function authorizeBy(rule: RuleInForce, peer: Peer): Decision {
  if (rule.state === "refused") return rule.refusal;
  const decision = judge(rule.open, peer);
  if (decision.verdict === "forward" || rule.open.younger === undefined) return decision;
  return judgeByYounger(rule.open, rule.open.younger, decision, peer);
}

function judge(open: OpenRule, peer: Peer): Decision {
  const source = open.addresses === undefined ? -1 : sourceOf(open, peer.address);
  if (peer.address === undefined) return refuse(open, "close", "address-unknown");
  if (open.addresses !== undefined && source === -1) return refuseAddress(open);
  if (open.protocol === "http") {
    if (peer.tls !== undefined) return refuse(open, "close", "tls-unexpected");
    return open.allowed[source] ?? { verdict: "forward", policy: open.policy, source: ANY_ADDRESS };
  }
  return authorizeTls(open, source, peer);
}

/** Where nobody lets the peer in, the refusal that came last in the order of tests is the one to tell: the caller of one object is a stranger to the others. */
function judgeByYounger(oldest: OpenRule, younger: readonly OpenRule[], refusal: Refused, peer: Peer): Decision {
  let farthest = refusal;
  let passed = testsPassed(oldest, refusal, peer);
  for (const rule of younger) {
    const decision = judge(rule, peer);
    if (decision.verdict === "forward") return decision;
    const tests = testsPassed(rule, decision, peer);
    if (tests > passed) [farthest, passed] = [decision, tests];
  }
  return farthest;
}

const PASSED = { close: 1, "tls-alert": 2, forbidden: 3 } as const;

function testsPassed(rule: OpenRule, refusal: Refused, peer: Peer): number {
  return admits(rule, peer.address) ? PASSED[refusal.verdict] : 0;
}

/** Whether the rule's own address test lets the peer go on. */
export function admits(rule: OpenRule, address: PeerAddress | undefined): boolean {
  return address !== undefined && (rule.addresses === undefined || sourceOf(rule, address) !== -1);
}

/** The rule that speaks to a peer before its names are known: the oldest that lets its address in, else the oldest. */
export function ruleForAddress(rule: OpenRule, address: PeerAddress | undefined): OpenRule {
  if (rule.younger === undefined || admits(rule, address)) return rule;
  return rule.younger.find((younger) => admits(younger, address)) ?? rule;
}

/**
 * The part of the decision that can be made at accept, before TLS: `undefined` when the peer may go on.
 * It says no only where `authorize` would.
 */
export function judgeAddress(rule: OpenRule, address: PeerAddress | undefined): Refused | undefined {
  if (address === undefined) return refuse(rule, "close", "address-unknown");
  return admits(ruleForAddress(rule, address), address) ? undefined : refuseAddress(rule);
}

/** The part of the decision that a ClientHello allows, before our certificate is sent: `undefined` when the peer may go on. */
export function judgeServerName(
  snapshot: Snapshot,
  port: BackendPort,
  address: PeerAddress | undefined,
  serverName: string | undefined,
): Refused | undefined {
  const rule = ruleFor(snapshot, port);
  if (rule.state === "refused") return rule.refusal;
  if (rule.open.younger === undefined) return serverNameRefusal(rule.open, serverName);
  const refusals = alternatives(rule.open)
    .filter((alternative) => admits(alternative, address))
    .map((alternative) => serverNameRefusal(alternative, serverName));
  return refusals.includes(undefined) ? undefined : refusals[0];
}

/** The rule of a port at one moment, or the refusal of everybody. */
export type RuleInForce =
  | { readonly state: "open"; readonly open: OpenRule }
  | { readonly state: "refused"; readonly refusal: Refused };

const NO_POLICY: RuleInForce = { state: "refused", refusal: { verdict: "close", reason: "no-policy" } };
const NO_SNAPSHOT: RuleInForce = { state: "refused", refusal: { verdict: "close", reason: "no-snapshot" } };
const STALE_SNAPSHOT: RuleInForce = { state: "refused", refusal: { verdict: "close", reason: "stale-snapshot" } };

export function ruleFor(snapshot: Snapshot, port: BackendPort): RuleInForce {
  if (snapshot.closed !== undefined) return snapshot.closed === "no-snapshot" ? NO_SNAPSHOT : STALE_SNAPSHOT;
  const rule = snapshot.rules.get(port);
  if (rule === undefined) return NO_POLICY;
  if (rule.state === "closed")
    return { state: "refused", refusal: { verdict: "close", reason: rule.reason, policy: rule.policy } };
  return { state: "open", open: rule };
}

function sourceOf(rule: OpenRule, address: PeerAddress | undefined): number {
  return address === undefined || rule.addresses === undefined ? -1 : findAddress(rule.addresses, address);
}

function authorizeTls(rule: OpenRule, source: number, peer: Peer): Decision {
  const { tls } = peer;
  if (tls === undefined) return refuse(rule, "close", "tls-expected");
  const nameRefusal = serverNameRefusal(rule, tls.sni);
  if (nameRefusal !== undefined) return nameRefusal;
  const allowed: Allowed = rule.allowed[source] ?? { verdict: "forward", policy: rule.policy, source: ANY_ADDRESS };
  if (!rule.clientCertificate) return allowed;
  switch (tls.certificate.state) {
    // A connection that began while no certificate was asked for has shown none.
    case "not-requested":
    case "missing":
      return refuse(rule, "tls-alert", "certificate-missing");
    case "refused":
      return refuse(rule, "tls-alert", tls.certificate.reason);
    case "verified": {
      const principal = matchPrincipal(rule.principals, tls.certificate.sans);
      if (principal !== undefined) return { ...allowed, principal };
      return refuse(
        rule,
        "forbidden",
        tls.certificate.sans.length === 0 ? "principal-missing" : "principal-not-listed",
      );
    }
  }
}

function serverNameRefusal(rule: OpenRule, serverName: string | undefined): Refused | undefined {
  if (rule.sniHosts === undefined) return undefined;
  if (serverName === undefined || serverName === "") return refuse(rule, "close", "sni-missing");
  return matchServerName(rule.sniHosts, serverName) ? undefined : refuse(rule, "close", "sni-not-listed");
}

function refuseAddress(rule: OpenRule): Refused {
  const nobody = rule.addresses !== undefined && isEmptySet(rule.addresses);
  return refuse(rule, "close", nobody ? "source-without-endpoints" : "source-not-listed");
}

function refuse(rule: OpenRule, verdict: Refused["verdict"], reason: RefusalReason): Refused {
  return { verdict, reason, policy: rule.policy };
}
