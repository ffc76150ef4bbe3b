/**
 * The decision. Pure and total: no I/O, no clock, never throws; whatever it does not know, it refuses. The data path, the
 * re-judgement of live connections, the admin port and `postern explain` all call this and nothing else.
 */
import { findAddress, isEmptySet } from "./address/address-set.ts";
import type { Allowed, AuditedReason, Decision, Peer, Refused, RefusalReason } from "./decision.ts";
import type { BackendPort, ObjectKey } from "./model.ts";
import type { PeerAddress } from "./address/peer-address.ts";
import { matchPrincipal } from "./principal.ts";
import { matchServerName } from "./server-name.ts";
import { alternatives, type OpenRule, type Snapshot } from "./snapshot.ts";

/** Named where a rule has no address test. */
const ANY_ADDRESS = "any address";
/** Named where no source lists the peer and audit lets it in. */
const AUDIT = "audit";

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
  const { open, audited } = rule;
  const decision = judge(open, peer, false);
  if (decision.verdict === "forward" || (open.younger === undefined && audited.length === 0)) return decision;
  return judgeByAll(open, audited, { refusal: decision, passed: testsPassed(open, decision, peer) }, peer);
}

/** @param audit refusals by address or name are noted, not enforced */
function judge(open: OpenRule, peer: Peer, audit: boolean): Decision {
  const source = open.addresses === undefined ? -1 : sourceOf(open, peer.address);
  if (peer.address === undefined) return refuse(open, "close", "address-unknown");
  let waived: AuditedReason | undefined;
  if (open.addresses !== undefined && source === -1) {
    if (!audit) return refuseAddress(open);
    waived = addressReason(open);
  }
  if (open.protocol === "http") {
    if (peer.tls !== undefined) return refuse(open, "close", "tls-unexpected");
    return waive(allowedBy(open, source), waived);
  }
  return authorizeTls(open, source, peer, { audit, waived });
}

/** Whether the rule names the address: one that has no address test names none. */
function lists(rule: OpenRule, address: PeerAddress | undefined): boolean {
  return rule.addresses !== undefined && sourceOf(rule, address) !== -1;
}

interface Judged {
  readonly refusal: Refused;
  /** How far the peer came in the order of tests. */
  readonly passed: number;
}

/**
 * Where no rule allows the peer, the refusal that came last in the order of tests is told. The rules of other objects refuse a
 * peer at an earlier test, and that says nothing to its operator.
 */
function judgeByAll(open: OpenRule, audited: readonly OpenRule[], oldest: Judged, peer: Peer): Decision {
  let farthest = oldest;
  for (const rule of open.younger ?? []) {
    const decision = judge(rule, peer, false);
    if (decision.verdict === "forward") return decision;
    farthest = farther(farthest, { refusal: decision, passed: testsPassed(rule, decision, peer) });
  }
  return audited.length === 0 ? farthest.refusal : judgeInAudit(open, audited, farthest, peer);
}

/**
 * By those of a port's objects that are in audit, of a peer that no object allows. The one whose tests the peer passed farthest
 * is told. What they refuse although address and names are waived is refused.
 */
function judgeInAudit(open: OpenRule, audited: readonly OpenRule[], enforced: Judged, peer: Peer): Decision {
  const isEnforced = alternatives(open).some((rule) => !audited.includes(rule) && lists(rule, peer.address));
  let farthest = enforced;
  let allowed: { readonly decision: Allowed; readonly passed: number } | undefined;
  for (const rule of audited) {
    // An enforced object lists the address: the audit of an object that does not list it must not let the peer in.
    if (isEnforced && !lists(rule, peer.address)) continue;
    const decision = judge(rule, peer, true);
    if (decision.verdict !== "forward") {
      farthest = farther(farthest, { refusal: decision, passed: PASSED[decision.verdict] });
      continue;
    }
    const refusal = judge(rule, peer, false);
    const passed = refusal.verdict === "forward" ? Number.POSITIVE_INFINITY : testsPassed(rule, refusal, peer);
    if (allowed === undefined || passed > allowed.passed) allowed = { decision, passed };
  }
  return allowed?.decision ?? farthest.refusal;
}

/** The former one where they are equal: that of the older object. */
function farther(one: Judged, other: Judged): Judged {
  return other.passed > one.passed ? other : one;
}

const PASSED = { close: 1, "tls-alert": 2, forbidden: 3 } as const;

/** A rule without any address has not tested the peer's, so its refusal comes before all others. */
function testsPassed(rule: OpenRule, refusal: Refused, peer: Peer): number {
  if (admits(rule, peer.address)) return PASSED[refusal.verdict];
  return refusal.reason === "source-without-endpoints" ? -1 : 0;
}

/** Whether the rule's own address test lets the peer go on. */
export function admits(rule: OpenRule, address: PeerAddress | undefined): boolean {
  return address !== undefined && (rule.addresses === undefined || sourceOf(rule, address) !== -1);
}

/** The rule that a handshake goes by, before the peer's names are known: the oldest that lets its address in, else one in audit. */
export function ruleForAddress(
  { open, audited }: Extract<RuleInForce, { readonly state: "open" }>,
  address: PeerAddress | undefined,
): OpenRule {
  if (open.younger === undefined || admits(open, address)) return open;
  return open.younger.find((younger) => admits(younger, address)) ?? audited[0] ?? open;
}

/**
 * The part of the decision that can be made at accept, before TLS: `undefined` when the peer may go on.
 * It says no only where `authorize` would.
 */
export function judgeAddress(rule: RuleInForce, address: PeerAddress | undefined): Refused | undefined {
  if (rule.state === "refused") return rule.refusal;
  const { open, audited } = rule;
  if (address === undefined) return refuse(open, "close", "address-unknown");
  if (audited.length > 0 || admits(ruleForAddress(rule, address), address)) return undefined;
  return refuseAddress(alternatives(open).find((one) => addressReason(one) === "source-not-listed") ?? open);
}

/** The part of the decision that a ClientHello allows, before our certificate is sent: `undefined` when the peer may go on. */
export function judgeServerName(
  rule: RuleInForce,
  address: PeerAddress | undefined,
  serverName: string | undefined,
): Refused | undefined {
  if (rule.state === "refused") return rule.refusal;
  const { open, audited } = rule;
  if (audited.length > 0) return undefined;
  if (open.younger === undefined) return serverNameRefusal(open, serverName);
  const refusals = alternatives(open)
    .filter((alternative) => admits(alternative, address))
    .map((alternative) => serverNameRefusal(alternative, serverName));
  return refusals.includes(undefined) ? undefined : refusals[0];
}

/** The rule of a port at one moment, or the refusal of everybody. */
export type RuleInForce =
  | {
      readonly state: "open";
      readonly open: OpenRule;
      /** Of the port's rules those whose refusals by address or name are noted, not enforced. */
      readonly audited: readonly OpenRule[];
    }
  | { readonly state: "refused"; readonly refusal: Refused };

const NONE: readonly OpenRule[] = Object.freeze([]);
const NO_POLICY: RuleInForce = Object.freeze(refuseAll("no-policy", undefined));

/**
 * By policy alone: what live connections are judged by. A new one meets `ruleInForce` too (backend-state.ts).
 *
 * @param moment read only where audit asks for the time; without it every rule is enforced
 */
export function ruleFor(snapshot: Snapshot, port: BackendPort, moment?: Moment): RuleInForce {
  const rule = snapshot.rules.get(port);
  if (snapshot.closed !== undefined) return refuseAll(snapshot.closed, rule?.policy);
  if (rule === undefined) return NO_POLICY;
  if (rule.state === "closed") return refuseAll(rule.reason, rule.policy);
  return { state: "open", open: rule, audited: auditedOf(rule, moment) };
}

/** @param policy that governs the port; absent where none does */
export function refuseAll(reason: RefusalReason, policy: ObjectKey | undefined): RuleInForce {
  return { state: "refused", refusal: { verdict: "close", reason, ...(policy !== undefined && { policy }) } };
}

/** Milliseconds since the epoch. */
export interface Moment {
  readonly now: number;
}

function auditedOf(rule: OpenRule, moment: Moment | undefined): readonly OpenRule[] {
  if (moment === undefined || (rule.auditUntil === undefined && rule.younger === undefined)) return NONE;
  return alternatives(rule).filter(({ auditUntil }) => auditUntil !== undefined && moment.now < auditUntil);
}

function sourceOf(rule: OpenRule, address: PeerAddress | undefined): number {
  return address === undefined || rule.addresses === undefined ? -1 : findAddress(rule.addresses, address);
}

function authorizeTls(
  rule: OpenRule,
  source: number,
  peer: Peer,
  { audit, waived: address }: { readonly audit: boolean; readonly waived: AuditedReason | undefined },
): Decision {
  const { tls } = peer;
  if (tls === undefined) return refuse(rule, "close", "tls-expected");
  let waived = address;
  const nameReason = serverNameReason(rule, tls.sni);
  if (nameReason !== undefined) {
    if (!audit) return refuse(rule, "close", nameReason);
    waived ??= nameReason;
  }
  const allowed = allowedBy(rule, source);
  if (!rule.clientCertificate) return waive(allowed, waived);
  switch (tls.certificate.state) {
    // A connection that began while no certificate was asked for has shown none.
    case "not-requested":
    case "missing":
      return refuse(rule, "tls-alert", "certificate-missing");
    case "refused":
      return refuse(rule, "tls-alert", tls.certificate.reason);
    case "verified": {
      const principal = matchPrincipal(rule.principals, tls.certificate.sans);
      if (principal !== undefined) return waive({ ...allowed, principal }, waived);
      const reason = tls.certificate.sans.length === 0 ? "principal-missing" : "principal-not-listed";
      return audit ? waive(allowed, waived ?? reason) : refuse(rule, "forbidden", reason);
    }
  }
}

function allowedBy(rule: OpenRule, source: number): Allowed {
  return rule.allowed[source] ?? { verdict: "forward", policy: rule.policy, source: ANY_ADDRESS };
}

function waive(allowed: Allowed, waived: AuditedReason | undefined): Allowed {
  return waived === undefined ? allowed : { ...allowed, source: AUDIT, wouldRefuse: waived };
}

function serverNameReason(
  rule: OpenRule,
  serverName: string | undefined,
): "sni-missing" | "sni-not-listed" | undefined {
  if (rule.sniHosts === undefined) return undefined;
  if (serverName === undefined || serverName === "") return "sni-missing";
  return matchServerName(rule.sniHosts, serverName) ? undefined : "sni-not-listed";
}

function serverNameRefusal(rule: OpenRule, serverName: string | undefined): Refused | undefined {
  const reason = serverNameReason(rule, serverName);
  return reason === undefined ? undefined : refuse(rule, "close", reason);
}

function addressReason(rule: OpenRule): "source-without-endpoints" | "source-not-listed" {
  return rule.addresses !== undefined && isEmptySet(rule.addresses) ? "source-without-endpoints" : "source-not-listed";
}

function refuseAddress(rule: OpenRule): Refused {
  return refuse(rule, "close", addressReason(rule));
}

function refuse(rule: OpenRule, verdict: Refused["verdict"], reason: RefusalReason): Refused {
  return { verdict, reason, policy: rule.policy };
}
