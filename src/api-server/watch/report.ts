/** What operators get to see of the reflectors: one log line per class of error, and counters for the metrics. */
import type { FailureKind } from "../failure.ts";
import type { ApiFailure } from "../failure.ts";
import type { Clock } from "../clock.ts";
import { missingBinding } from "./missing-binding.ts";

/** The part of a structured logger that discovery needs; pino's satisfies it. */
export interface DiscoveryLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type ReflectorEvent = "list" | "watch" | "event" | "bookmark" | "expired" | "history-lost";

/** Monotonic counts since the start, for `postern_discovery_*_total`. */
export interface ReportCounters {
  /** By resource, then by {@link ReflectorEvent}. */
  readonly events: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** By resource, then by {@link FailureKind}. */
  readonly failures: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

/** A standing failure is repeated in the log at this pace only; the counters have every one. */
const REPEAT_MS = 60_000;

export class Report {
  readonly #log: DiscoveryLog;
  readonly #clock: Clock;
  readonly #events = new Map<string, Record<string, number>>();
  readonly #failures = new Map<string, Record<string, number>>();
  readonly #standing = new Map<string, { kind: FailureKind; loggedAt: number; advice: string }>();

  constructor(log: DiscoveryLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  get counters(): ReportCounters {
    return { events: this.#events, failures: this.#failures };
  }

  count(resource: string, event: ReflectorEvent, amount = 1): void {
    const counts = this.#events.get(resource) ?? {};
    counts[event] = (counts[event] ?? 0) + amount;
    this.#events.set(resource, counts);
  }

  failed(resource: string, failure: ApiFailure, retryInMs: number, advice = adviceFor(failure)): void {
    const counts = this.#failures.get(resource) ?? {};
    counts[failure.kind] = (counts[failure.kind] ?? 0) + 1;
    this.#failures.set(resource, counts);
    const standing = this.#standing.get(resource);
    const now = this.#clock.monotonic();
    if (standing?.kind === failure.kind && now - standing.loggedAt < REPEAT_MS) return;
    this.#standing.set(resource, { kind: failure.kind, loggedAt: now, advice });
    this.#log.warn(
      {
        event: `discovery-${failure.kind}`,
        resource,
        status: failure.status,
        retryInMs: Math.round(retryInMs),
        error: failure.message,
      },
      `${resource}: ${MEANING[failure.kind]}${advice === "" ? "" : `; ${advice}`}`,
    );
  }

  /** Logged once when a resource that was failing is current again. */
  recovered(resource: string): void {
    if (!this.#standing.delete(resource)) return;
    this.#log.info({ event: "discovery-recovered", resource }, `${resource}: current again`);
  }

  /** A 403 outlasted its grace: what was known lets nobody in any more. */
  closed(resource: string, graceMs: number): void {
    const advice = this.#standing.get(resource)?.advice ?? FORBIDDEN_ADVICE;
    this.#log.error(
      { event: "discovery-closed", resource, graceMs },
      `${resource}: forbidden (403) for ${String(graceMs / 1_000)} s, so it counts as unknown and lets nobody in; ${advice}`,
    );
  }

  historyLost(resource: string, had: string, found: string): void {
    this.count(resource, "history-lost");
    this.#log.warn(
      { event: "discovery-history-lost", resource, had, found },
      `${resource}: the API server's data is older than ours (restored or emptied etcd); what it says now replaces what we had`,
    );
  }

  /** An object that could not be read; it is left out, which can only close something. */
  unreadable(resource: string, object: string, error: unknown): void {
    this.#log.error(
      { event: "discovery-unreadable-object", resource, object, error: String(error) },
      `${resource}: ${object} cannot be read and is left out`,
    );
  }

  /** A source that stopped being followed leaves nothing behind: sources come and go for years. */
  forget(resource: string): void {
    this.#standing.delete(resource);
    this.#events.delete(resource);
    this.#failures.delete(resource);
  }
}

const MEANING: Readonly<Record<FailureKind, string>> = {
  unauthorized: "the API server does not accept our credentials (401)",
  forbidden: "the API server forbids this (403)",
  absent: "the API server does not know this resource (404)",
  expired: "the watch fell behind the server's history (410), listing again",
  throttled: "the API server asks us to slow down (429)",
  "server-error": "the API server failed",
  "unexpected-answer": "the API server gave an unexpected answer",
  malformed: "the API server's answer could not be read",
  unreachable: "the API server cannot be reached or the connection broke",
  untrusted: "the API server's certificate is not trusted",
  timeout: "the API server did not answer in time",
  stalled: "the watch went silent and was given up",
  credentials: "our own credentials cannot be read",
};

const FORBIDDEN_ADVICE =
  "apply config/kubernetes (kubectl apply -k config/kubernetes; with --mesh-name mesh.yaml too) and bind the roles to this service account";

/** What the operator can do; empty where only waiting helps. */
export function adviceFor({ kind, message }: Pick<ApiFailure, "kind" | "message">): string {
  switch (kind) {
    case "unauthorized":
      return "check that the service account exists and that its token is mounted (automountServiceAccountToken), or the user in the kubeconfig";
    case "forbidden":
      return missingBinding(message) ?? FORBIDDEN_ADVICE;
    case "absent":
      return "install the CRD: kubectl apply -f config/crd/policy.openservicemesh.io_ingressbackends.yaml";
    case "untrusted":
      return "check the CA in the service account volume or the kubeconfig";
    case "credentials":
      return "check the service account volume or the kubeconfig";
    case "expired":
    case "throttled":
    case "server-error":
    case "unexpected-answer":
    case "malformed":
    case "unreachable":
    case "timeout":
    case "stalled":
      break;
  }
  return "";
}
