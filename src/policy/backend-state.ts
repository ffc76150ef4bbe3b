/**
 * What a connection to a backend port meets before anything is known of the caller: policy, our own certificate, listener,
 * drain and threads, held together by one function. Data path, explanations, status page, status of the objects and
 * metrics all ask it, so that none can say open where another closes. Pure: the time is an input.
 */
import { isEmptySet } from "./address-set.ts";
import { ruleFor, type RuleInForce } from "./authorize.ts";
import { wordsOfClosed } from "./closed-words.ts";
import type { Refused, RefusalReason } from "./decision.ts";
import type { BackendPort, ObjectKey } from "./model.ts";
import type { ServiceState } from "./service-state.ts";
import { alternatives, type OpenRule, type Rule } from "./snapshot.ts";

/** What holds beside the rule, and refuses nobody by itself. */
export interface Condition {
  readonly code: "draining" | "thread-lagging" | "crl-ended" | "audit";
  readonly detail: string;
}

/** One backend port in words that every place uses. */
export interface BackendState {
  readonly port: BackendPort;
  /** Somebody may get in. */
  readonly open: boolean;
  readonly reason: RefusalReason | "open";
  readonly detail: string;
  readonly policy?: ObjectKey;
  readonly service?: string;
  readonly protocol?: "http" | "https";
  readonly conditions: readonly Condition[];
}

/**
 * The rule of a port, or the refusal of everybody. To be asked once a connection, not once a request.
 *
 * The first that closes names the reason: drain, listener, snapshot, policy, our certificate (https), sources without
 * any address.
 */
export function ruleInForce(state: ServiceState, port: BackendPort): RuleInForce {
  if (state.drain === "closing") return refuseAll("draining");
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
  const rule = state.snapshot.rules.get(port);
  const facts = { port, ...factsOf(rule), conditions: conditionsOf(state, found) };
  if (found.state === "open") return { ...facts, open: true, reason: "open", detail: "open to what its policy lists" };
  const { reason } = found.refusal;
  return { ...facts, open: false, reason, detail: wordsOfClosed(state, port, reason) ?? reason };
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
  const { certificate, drain, lags = [] } = state;
  const conditions: Condition[] = [];
  if (drain !== undefined) conditions.push({ code: "draining", detail: "the process is ending" });
  for (const detail of lags) conditions.push({ code: "thread-lagging", detail });
  if (rule.state !== "open") return conditions;
  const { clientCertificate } = rule.open;
  const listsEnd = certificate.state === "held" ? certificate.listsEnd : undefined;
  if (clientCertificate && listsEnd !== undefined && listsEnd < state.now)
    conditions.push({
      code: "crl-ended",
      detail: `a revocation list (--tls-crl) ended at ${new Date(listsEnd).toISOString()}: its issuer's callers are refused`,
    });
  const auditUntil = Math.max(0, ...rule.audited.map((audited) => audited.auditUntil ?? 0));
  if (auditUntil > 0)
    conditions.push({
      code: "audit",
      detail: `refusals by address or name are only logged and counted until ${new Date(auditUntil).toISOString()}`,
    });
  return conditions;
}

function factsOf(rule: Rule | undefined): Pick<BackendState, "policy" | "service" | "protocol"> {
  if (rule === undefined) return {};
  const { policy, service } = rule;
  return { policy, service, ...(rule.state === "open" && { protocol: rule.protocol }) };
}

function policyOn({ snapshot }: ServiceState, port: BackendPort): ObjectKey | undefined {
  return snapshot.rules.get(port)?.policy;
}

function refuseAll(reason: RefusalReason, policy?: ObjectKey): RuleInForce {
  const refusal: Refused = { verdict: "close", reason, ...(policy !== undefined && { policy }) };
  return { state: "refused", refusal };
}
