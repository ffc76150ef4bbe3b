/**
 * What a connection to a backend port meets before anything is known of the caller: policy, our own certificate, listener,
 * drain and threads, joined by one function. Data path, explanations, status page, status of the objects and
 * metrics all ask it, so that none can say open where another closes. Pure: the time is an input.
 */
import { isEmptySet } from "./address/address-set.ts";
import { refuseAll, ruleFor, type RuleInForce } from "./authorize.ts";
import { WORDS_OF_DRAIN, wordsOfAudit, wordsOfCertificate, wordsOfClosed } from "./closed-words.ts";
import type { RefusalReason } from "./decision.ts";
import type { BackendPort, ObjectKey } from "./model.ts";
import type { Protocol } from "./protocol.ts";
import type { ServiceState } from "./service-state.ts";
import { alternatives, type OpenRule, type Rule } from "./snapshot.ts";

/** What holds beside the rule, and refuses nobody by itself. */
export interface Condition {
  readonly code: "draining" | "thread-lagging" | "manifest-broken" | "crl-ended" | "audit";
  readonly detail: string;
}

/** One object that governs a port. */
export interface GoverningPolicy {
  readonly policy: ObjectKey;
  readonly service: string;
  /** What it would refuse by address or name is let in until then; milliseconds since the epoch. Absent where it is enforced. */
  readonly auditUntil?: number;
}

/** One backend port in words that every place uses. */
export interface BackendState {
  readonly port: BackendPort;
  /** Somebody may get in. */
  readonly open: boolean;
  readonly reason: RefusalReason | "open";
  readonly detail: string;
  /** Oldest first; empty where no object governs it. */
  readonly policies: readonly GoverningPolicy[];
  readonly protocol?: Protocol;
  readonly conditions: readonly Condition[];
}

/**
 * The rule of a port, or the refusal of everybody. To be asked once a connection, not once a request.
 *
 * The first that closes names the reason: drain, listener, snapshot, policy, our certificate (https), sources without
 * any address.
 */
export function ruleInForce(state: ServiceState, port: BackendPort): RuleInForce {
  if (state.drain === "closing") return refuseAll("draining", policyOn(state, port));
  if (state.listeners?.has(port) === false) return refuseAll("no-listener", policyOn(state, port));
  const rule = ruleFor(state.snapshot, port, state);
  if (rule.state === "refused") return rule;
  const { open } = rule;
  if (open.protocol === "https") {
    const fault = certificateFault(state);
    if (fault !== undefined) return refuseAll(fault, open.policy);
  }
  if (rule.audited.length === 0 && isOpenToNobody(open)) return refuseAll("source-without-endpoints", open.policy);
  return rule;
}

/** No object on the port has an address to let in. */
export function isOpenToNobody(open: OpenRule): boolean {
  return alternatives(open).every(({ addresses }) => addresses !== undefined && isEmptySet(addresses));
}

/** Every port that has a listener or a policy, by number. */
export function backendStates(state: ServiceState): readonly BackendState[] {
  const ports = new Set<BackendPort>([...(state.listeners ?? []), ...state.snapshot.rules.keys()]);
  return [...ports].sort((a, b) => a - b).map((port) => backendState(state, port));
}

export function backendState(state: ServiceState, port: BackendPort): BackendState {
  const found = ruleInForce(state, port);
  const policies = policiesOf(state.snapshot.rules.get(port), found);
  const protocol = protocolOf(state.snapshot.rules.get(port));
  const facts = {
    port,
    policies,
    ...(protocol !== undefined && { protocol }),
    conditions: [...conditionsOf(state, found), ...auditsOf(policies)],
  };
  if (found.state === "open") return { ...facts, open: true, reason: "open", detail: wordsOfOpen(found) };
  const { reason } = found.refusal;
  return { ...facts, open: false, reason, detail: wordsOfClosed(state, port, reason) ?? reason };
}

function wordsOfOpen({ open, audited }: Extract<RuleInForce, { readonly state: "open" }>): string {
  const objects = alternatives(open).length;
  const listed = objects === 1 ? "open to what its policy lists" : "open to what its policies list";
  if (audited.length === 0) return listed;
  const unenforced = audited.length === objects ? "any address and name" : "any address that no enforced object lists";
  return `${listed}, and by an audit to ${unenforced}`;
}

/** Why no handshake can be made, if that is so. */
function certificateFault(
  state: Pick<ServiceState, "certificate" | "now">,
): "no-credentials" | "own-certificate-not-yet-valid" | "own-certificate-ended" | undefined {
  const { certificate } = state;
  switch (certificate.state) {
    case "supposed":
      return undefined;
    case "none":
      return "no-credentials";
    case "held":
      if (state.now < certificate.notBefore) return "own-certificate-not-yet-valid";
      return state.now > certificate.notAfter ? "own-certificate-ended" : undefined;
  }
}

function conditionsOf(state: ServiceState, rule: RuleInForce): readonly Condition[] {
  const { certificate, drain, lags = [], brokenManifest } = state;
  const conditions: Condition[] = [];
  if (drain !== undefined) conditions.push({ code: "draining", detail: WORDS_OF_DRAIN });
  for (const detail of lags) conditions.push({ code: "thread-lagging", detail });
  if (brokenManifest !== undefined) conditions.push({ code: "manifest-broken", detail: brokenManifest });
  if (rule.state !== "open") return conditions;
  const { clientCertificate } = rule.open;
  const listsEnd = certificate.state === "held" ? certificate.listsEnd : undefined;
  if (clientCertificate && listsEnd !== undefined && listsEnd < state.now)
    conditions.push({ code: "crl-ended", detail: wordsOfCertificate(certificate, "crl-ended") });
  return conditions;
}

/** Where several objects govern the port, each names itself. */
function auditsOf(policies: readonly GoverningPolicy[]): readonly Condition[] {
  return policies.flatMap(({ policy, auditUntil }): readonly Condition[] => {
    if (auditUntil === undefined) return [];
    const words = wordsOfAudit(auditUntil);
    return [{ code: "audit", detail: policies.length === 1 ? words : `IngressBackend ${policy}: ${words}` }];
  });
}

/** @param found what is in force: the audits of a closed port have no effect */
function policiesOf(rule: Rule | undefined, found: RuleInForce): readonly GoverningPolicy[] {
  if (rule === undefined) return [];
  const audited = found.state === "open" ? found.audited : [];
  return alternatives(rule).map(({ policy, service }) => {
    const auditUntil = audited.find((one) => one.policy === policy)?.auditUntil;
    return { policy, service, ...(auditUntil !== undefined && { auditUntil }) };
  });
}

function protocolOf(rule: Rule | undefined): OpenRule["protocol"] | undefined {
  return rule?.state === "open" ? rule.protocol : undefined;
}

function policyOn({ snapshot }: ServiceState, port: BackendPort): ObjectKey | undefined {
  return snapshot.rules.get(port)?.policy;
}
