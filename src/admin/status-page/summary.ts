/** The state of the sidecar in one glance: whether it serves, and if not, why. Pure. */
import type { BackendState } from "../../policy/backend-state.ts";
import type { StatusFacts } from "./facts.ts";
import { moment } from "./time-words.ts";

export interface Summary {
  readonly level: "good" | "warn" | "bad";
  readonly title: string;
  /** Why it is not `good`, and what an operator should know beside it. */
  readonly reasons: readonly string[];
}

/** An audit that is on: what it leaves open, and until when. */
export interface AuditNotice {
  readonly ports: readonly { readonly port: number; readonly policy: string; readonly until: string }[];
  /** Connections let in since the start that its end will refuse; `undefined`: not known. */
  readonly letIn: number | undefined;
}

export function summarize({ backends, unready, state }: Pick<StatusFacts, "backends" | "unready" | "state">): Summary {
  const open = backends.filter((backend) => backend.open);
  const { brokenManifest } = state;
  const broken = brokenManifest === undefined ? [] : [`manifest-broken: ${brokenManifest}`];
  const reasons = [...broken, ...reasonsOf(closedInWords(backends), unready)];
  if (backends.length === 0) return { level: "bad", title: "Closed: there is no backend port", reasons };
  if (open.length === 0) return { level: "bad", title: `Closed to everybody: ${codesOf(backends)}`, reasons };
  if (state.drain !== undefined)
    return { level: "warn", title: "Draining, serving until its listeners close", reasons };
  if (open.length < backends.length)
    return { level: "warn", title: `Serving ${open.length} of ${backends.length} ports`, reasons };
  if (unready.length > 0) return { level: "warn", title: "Serving, not ready", reasons };
  if (broken.length > 0) return { level: "warn", title: "Serving, by a policy that is not the one on disk", reasons };
  if (open.some(({ conditions }) => conditions.some(({ code }) => code === "audit")))
    return { level: "warn", title: "Serving, and policy is not enforced", reasons };
  return { level: "good", title: "Serving", reasons };
}

/** What closes a port and keeps the sidecar from being ready too is said once. */
function reasonsOf(closed: readonly string[], unready: readonly string[]): readonly string[] {
  const keeps = (line: string): boolean => unready.some((reason) => line.includes(reason));
  return [
    ...closed.map((line) => (keeps(line) ? `not ready: ${line}` : line)),
    ...unready
      .filter((reason) => !closed.some((line) => line.includes(reason)))
      .map((reason) => `not ready: ${reason}`),
  ];
}

/** @returns `undefined` where nobody is let in by an audit */
export function auditNotice({
  backends,
  counters,
}: Pick<StatusFacts, "backends" | "counters">): AuditNotice | undefined {
  const ports = backends.flatMap(({ port, policies }) =>
    policies.flatMap(({ policy, auditUntil }) =>
      auditUntil === undefined ? [] : [{ port, policy, until: moment(auditUntil) }],
    ),
  );
  if (ports.length === 0) return undefined;
  const letIn = counters && Object.values(counters.wouldRefuse).reduce((sum, count) => sum + count, 0);
  return { ports, letIn };
}

function codesOf(backends: readonly BackendState[]): string {
  return [...new Set(backends.map(({ reason }) => reason))].join(", ");
}

/** Ports that are closed for the same reason are named together. */
function closedInWords(backends: readonly BackendState[]): readonly string[] {
  const ports = new Map<string, number[]>();
  for (const { open, port, reason, detail } of backends) {
    if (open) continue;
    const words = `${reason}: ${detail}`;
    const known = ports.get(words);
    if (known === undefined) ports.set(words, [port]);
    else known.push(port);
  }
  return [...ports].map(([words, listed]) => `port ${listed.join(", ")} is closed: ${words}`);
}
