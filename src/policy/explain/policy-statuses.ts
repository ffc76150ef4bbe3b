/** The status of each object by the state of its backends: what the compiler found, and what closes a port beside it. */
import { backendState, type BackendState } from "../backend-state.ts";
import { wordsOfAudit, wordsOfUnmatched } from "../closed-words.ts";
import type { RefusalReason } from "../decision.ts";
import type { ObjectKey } from "../model.ts";
import type { ServiceState } from "../service-state.ts";
import { alternatives, type PolicyStatus } from "../snapshot.ts";

const SHARED_AUDIT = "audit: refusals by address or name are only logged and counted";

/** The objects that govern something here, then those of which it is known that no pod can serve them. */
export function policyStatuses(state: ServiceState): readonly PolicyStatus[] {
  return [...state.snapshot.statuses.map((status) => inForce(state, status)), ...unserved(state)];
}

/**
 * Without what is true of this process alone: an object's status is shared by all replicas, and one that drains or whose
 * thread lags for a moment must not contradict the others.
 */
export function sharedStatuses(state: ServiceState): readonly PolicyStatus[] {
  const { drain: _drain, lags: _lags, ...shared } = state;
  return policyStatuses(shared).map((status) => ({
    ...status,
    // Each replica of a process in audit has an end of its own.
    warnings: status.warnings.map((warning) => (warning.startsWith("audit: ") ? SHARED_AUDIT : warning)),
  }));
}

function inForce(state: ServiceState, status: PolicyStatus): PolicyStatus {
  const backends = governedBy(state, status.policy);
  const closed = backends.flatMap(({ open, reason, detail }) =>
    !open && !isOfCompiler(reason) ? [`${reason}: ${detail}`] : [],
  );
  const conditions = backends.flatMap((backend) => conditionsFor(backend, status.policy));
  const errors = [...(status.currentStatus === "error" ? [status.reason] : []), ...new Set(closed)];
  return {
    ...status,
    currentStatus: errors.length === 0 ? "committed" : "error",
    reason: errors.length === 0 ? status.reason : errors.join("; "),
    warnings: [...status.warnings, ...new Set(conditions)],
    backends: backends.map(({ port, open, reason, detail }) => ({ port, open, reason, detail })),
  };
}

function governedBy(state: ServiceState, policy: ObjectKey): readonly BackendState[] {
  return [...state.snapshot.rules.values()]
    .filter((rule) => alternatives(rule).some((one) => one.policy === policy))
    .map((rule) => backendState(state, rule.port));
}

/** The audit of another object on the port is none of this one's. */
function conditionsFor({ conditions, policies }: BackendState, policy: ObjectKey): readonly string[] {
  const own = policies.find((one) => one.policy === policy);
  return [
    ...conditions.flatMap(({ code, detail }) => (code === "audit" ? [] : [`${code}: ${detail}`])),
    ...(own?.auditUntil === undefined ? [] : [`audit: ${wordsOfAudit(own.auditUntil)}`]),
  ];
}

/** Closed by the object itself: the compiler's own words are its status already. */
function isOfCompiler(reason: RefusalReason | "open"): boolean {
  return reason === "invalid-policy" || reason === "no-usable-source" || reason === "source-without-endpoints";
}

/** The same text whichever pod says it. */
function unserved({ snapshot }: ServiceState): readonly PolicyStatus[] {
  return snapshot.hints.unmatched.flatMap((unmatched): readonly PolicyStatus[] => {
    const { policy, backends, missing } = unmatched;
    if (backends.length === 0 || !backends.every(({ service }) => missing.includes(service))) return [];
    const detail = wordsOfUnmatched(unmatched);
    return [
      {
        policy,
        currentStatus: "error",
        reason: detail,
        warnings: [],
        backends: backends.map(({ port }) => ({ port, open: false, reason: "no-policy", detail })),
      },
    ];
  });
}
