/**
 * The world, seen from one pod, as a snapshot. Total: whatever the objects hold, the result refuses what it cannot
 * justify. The order of objects never changes the result.
 */
import { collectClaims, type Claims, type Stake } from "./claims.ts";
import type { RefusalReason } from "../decision.ts";
import { demandsOf } from "./demands.ts";
import { objectKey, type BackendPort, type ObjectKey, type Policy, type Self, type World } from "../model.ts";
import { hintsOf } from "./hints.ts";
import { ownService } from "../own-service.ts";
import { buildPrincipalSet } from "../principal.ts";
import { buildSniSet } from "../server-name.ts";
import type { ClosedRule, OpenRule, PolicyStatus, Rule, Snapshot } from "../snapshot.ts";
import { resolveSources } from "./sources.ts";
import { validatePolicy } from "../objects/validate.ts";

/** Reason of a status without fault (OSM's text). */
const COMMITTED = "successfully committed by the system";

/** A rule, and what is wrong although the rule stands. */
interface Compiled {
  readonly rule: Rule;
  readonly errors: readonly string[];
}

/** @param version number of the new snapshot, one more than that of the last */
export function compile(world: World, self: Self, version: number): Snapshot {
  const claims = collectClaims(world, self);
  const compiled = [...claims.standing]
    .sort(([a], [b]) => a - b)
    .map(([port, stakes]) => ({ port, stakes: stakes.map((stake) => compileStake(world, self, stake)) }));
  return {
    version,
    rules: new Map(compiled.flatMap(({ port, stakes }) => withPort(port, ruleOf(stakes)))),
    hints: hintsOf(world, self),
    statuses: statusesOf(
      world,
      self,
      claims,
      compiled.flatMap(({ stakes }) => stakes),
    ),
  };
}

function withPort(port: BackendPort, rule: Rule | undefined): readonly (readonly [BackendPort, Rule])[] {
  return rule === undefined ? [] : [[port, rule]];
}

/** What is closed lets nobody in, and closes the port only where no object for another Service is open. */
function ruleOf(stakes: readonly Compiled[]): Rule | undefined {
  const open = stakes.flatMap(({ rule }) => (rule.state === "open" ? [rule] : []));
  const closed = stakes.flatMap(({ rule }) => (rule.state === "closed" ? [rule] : []));
  return withYounger(open) ?? withYounger(closed);
}

function withYounger<One extends Rule>([oldest, ...younger]: readonly One[]): One | undefined {
  return oldest === undefined || younger.length === 0 ? oldest : { ...oldest, younger };
}

function compileStake(world: World, self: Self, { claim, ambiguity }: Stake): Compiled {
  const close = (reason: RefusalReason, detail: string): Compiled => {
    const rule: ClosedRule = {
      state: "closed",
      port: claim.port,
      policy: claim.key,
      service: claim.service,
      reason,
      detail,
    };
    return { rule, errors: [detail] };
  };
  if ("invalid" in claim) {
    const first = claim.invalid.problems.find((problem) => problem.severity === "error");
    if (first === undefined) return close("invalid-policy", "the object does not satisfy its schema");
    return close("invalid-policy", first.path === "" ? first.message : `${first.path}: ${first.message}`);
  }
  const { policy, backend } = claim;
  if (ambiguity !== undefined) return close("invalid-policy", ambiguity);
  const demands = demandsOf(policy, backend);
  if ("reason" in demands) return close(demands.reason, demands.detail);
  const { protocol, clientCertificate, serverNames } = demands;

  const sources = resolveSources(world, self, policy);
  const appProtocol = world.services.get(objectKey(self.namespace, claim.service))?.appProtocols.get(claim.port);
  const rule: OpenRule = {
    state: "open",
    port: claim.port,
    policy: claim.key,
    service: claim.service,
    protocol,
    clientCertificate,
    ...(sources.addresses !== undefined && { addresses: sources.addresses }),
    principals: buildPrincipalSet(clientCertificate ? sources.principals : []),
    ...(serverNames.length > 0 && { sniHosts: buildSniSet(serverNames) }),
    emptySources: sources.empty.map((empty) => empty.problem),
    ...(appProtocol !== undefined && { appProtocol }),
    ...auditOf(self, policy),
    allowed: (sources.addresses?.sources ?? []).map((source) => ({ verdict: "forward", policy: claim.key, source })),
  };
  return { rule, errors: rule.emptySources };
}

/** The later end of the two, when either the process or the object is in audit; the object may ask to be enforced. */
function auditOf(self: Self, policy: Policy): Pick<OpenRule, "auditUntil"> {
  if (policy.alwaysEnforced === true) return {};
  const ends = [self.auditUntil, policy.auditUntil].filter((end) => end !== undefined);
  return ends.length === 0 ? {} : { auditUntil: Math.max(...ends) };
}

function statusesOf(world: World, self: Self, claims: Claims, compiled: readonly Compiled[]): readonly PolicyStatus[] {
  const errors = new Map<ObjectKey, Set<string>>();
  const note = (key: ObjectKey, texts: readonly string[]): void => {
    const known = errors.get(key) ?? new Set<string>();
    for (const text of texts) known.add(text);
    errors.set(key, known);
  };
  for (const { rule, errors: texts } of compiled) note(rule.policy, texts);
  for (const { claim, governedBy, otherDemand } of claims.rejected) {
    const why = otherDemand === undefined ? "" : `, ${otherDemand}`;
    note(claim.key, [
      `backend ${claim.service} on port ${claim.port} is already governed by IngressBackend ${governedBy}${why}`,
    ]);
  }
  return [...errors]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([policy, found]) => {
      const texts = [...found];
      return {
        policy,
        currentStatus: texts.length === 0 ? "committed" : "error",
        reason: texts.length === 0 ? COMMITTED : texts.join("; "),
        // What is an error already is not said a second time.
        warnings: warningsOf(world, self, policy).filter((warning) => !texts.some((text) => warning.startsWith(text))),
      };
    });
}

/** What does not keep the object from being served, but deserves a look: admission's findings, and ports that a Service lacks. */
function warningsOf(world: World, self: Self, key: ObjectKey): readonly string[] {
  const policy = world.policies.find((candidate) => objectKey(candidate.namespace, candidate.name) === key);
  if (policy === undefined) return [];
  const undeclared = policy.backends.flatMap(({ name, port }) => {
    const own = ownService(name, self) ?? name;
    const service = world.services.get(objectKey(self.namespace, own));
    if (service === undefined || service.hasNamedTargetPorts || service.targetPorts.includes(port.number)) return [];
    return [
      `Service ${objectKey(self.namespace, own)} declares no target port ${port.number}: 'port.number' is the target port, not the Service's port`,
    ];
  });
  return [...validatePolicy(policy, []).map((problem) => problem.message), ...undeclared];
}
