/**
 * The compiled policy: immutable, structured-cloneable (plain objects, Maps and typed arrays only), replaced whole and
 * never edited, so that a thread can be handed one by message and judge with it at once.
 */
import type { AddressSet } from "./address/address-tables.ts";
import type { Allowed, RefusalReason } from "./decision.ts";
import type { BackendPort, ObjectKey } from "./model.ts";
import type { Protocol } from "./protocol.ts";

/** Names that a verified certificate may carry; a wildcard makes every verified certificate good. */
export interface PrincipalSet {
  readonly any: boolean;
  readonly dns: ReadonlySet<string>;
  readonly uri: ReadonlySet<string>;
}

/** Lower-case server names; `suffixes` hold `.example.com` for `*.example.com` (any depth, never the apex). */
export interface SniSet {
  readonly exact: ReadonlySet<string>;
  readonly suffixes: readonly string[];
}

/** A backend port that a policy opens to somebody. */
export interface OpenRule {
  readonly state: "open";
  readonly port: BackendPort;
  readonly policy: ObjectKey;
  readonly service: string;
  readonly protocol: Protocol;
  /** https only: a certificate of the mesh is demanded. */
  readonly clientCertificate: boolean;
  /** Absent: any address (https with principals only). Present and empty: nobody. */
  readonly addresses?: AddressSet;
  readonly principals: PrincipalSet;
  readonly sniHosts?: SniSet;
  /** Source Services that matched nobody, for explanations: `Service ns/name` and why. */
  readonly emptySources: readonly string[];
  /** Until when refusals by address or name are only counted; milliseconds since the epoch. Absent: they are enforced. */
  readonly auditUntil?: number;
  /** From the Service's port, when declared. */
  readonly appProtocol?: string;
  /** The response for each source without a principal test, by index into `addresses.sources`: deciding then allocates nothing. */
  readonly allowed: readonly Allowed[];
  /**
   * Rules of younger objects for other Services of this pod on the same port, oldest first: same protocol and certificate
   * demand, each with addresses and principals of its own. A peer must satisfy one of them whole. They hold no `younger`.
   */
  readonly younger?: readonly OpenRule[];
}

/** A backend port that a policy governs and that lets nobody in. */
export interface ClosedRule {
  readonly state: "closed";
  readonly port: BackendPort;
  readonly policy: ObjectKey;
  readonly service: string;
  readonly reason: RefusalReason;
  /** For people: what is wrong with the policy. */
  readonly detail: string;
  /** What younger objects for other Services of this pod say of the port, oldest first: closed too. They hold no `younger`. */
  readonly younger?: readonly ClosedRule[];
}

export type Rule = OpenRule | ClosedRule;

/** What each of the objects on a port says of it, oldest object first: of an open port the rules that can let a peer in. */
export function alternatives(rule: OpenRule): readonly OpenRule[];
export function alternatives(rule: ClosedRule): readonly ClosedRule[];
export function alternatives(rule: Rule): readonly Rule[];
export function alternatives(rule: Rule): readonly Rule[] {
  return rule.younger === undefined ? [rule] : [rule, ...rule.younger];
}

export interface PolicyStatus {
  readonly policy: ObjectKey;
  readonly currentStatus: "committed" | "error";
  readonly reason: string;
  readonly warnings: readonly string[];
  /** Its backends as a connection meets them; absent until that is known. */
  readonly backends?: readonly {
    readonly port: BackendPort;
    readonly open: boolean;
    /** `open`, or the code of what closes it. */
    readonly reason: RefusalReason | "open";
    readonly detail: string;
  }[];
}

/** A policy of the pod's namespace that names no Service of the pod. */
export interface UnmatchedPolicy {
  readonly policy: ObjectKey;
  readonly backends: readonly { readonly service: string; readonly port: BackendPort }[];
  /** Of the Services that it names, those of which it is known that they do not exist or that nothing backs them. */
  readonly missing: readonly string[];
}

/** A policy of another namespace, for a Service that is named as one of the pod's: perhaps a slip. */
export interface ForeignPolicy {
  readonly policy: ObjectKey;
  readonly namespace: string;
  readonly ports: readonly BackendPort[];
}

/** Decides nothing: explains refusals. */
export interface Hints {
  /** Of this pod. */
  readonly namespace: string;
  /** Names of the Services that this pod backs. */
  readonly services: readonly string[];
  /** Of this pod, where it is known. */
  readonly podName?: string;
  /** Addresses and ranges of nodes. */
  readonly nodes: readonly string[];
  /** Bounded. */
  readonly unmatched: readonly UnmatchedPolicy[];
  /** Bounded. */
  readonly foreign: readonly ForeignPolicy[];
  /** Addresses of sources that are not ready, by text, with the source. Bounded. */
  readonly notReady: ReadonlyMap<string, string>;
  /** Addresses of sources that are gone, by text: the source, and when; milliseconds since the epoch. Bounded. */
  readonly departed: ReadonlyMap<string, Departure>;
}

export interface Departure {
  readonly source: string;
  readonly at: number;
}

const NO_HINTS: Hints = Object.freeze({
  namespace: "",
  services: [],
  nodes: [],
  unmatched: [],
  foreign: [],
  notReady: new Map<string, string>(),
  departed: new Map<string, Departure>(),
});

export interface Snapshot {
  /** Grows by one with every published snapshot; zero is the one that refuses everybody. */
  readonly version: number;
  /** By backend (target) port. */
  readonly rules: ReadonlyMap<BackendPort, Rule>;
  /** Why every port is refused, when that is so: nothing known yet, or known for too long. */
  readonly closed?: "no-snapshot" | "stale-snapshot";
  /** For people, where it is stale: what has not been heard of, and since when. */
  readonly staleness?: string;
  /** What only explanations look at. */
  readonly hints: Hints;
  /** Sorted by policy key. */
  readonly statuses: readonly PolicyStatus[];
}

/** In force before discovery has synced: everybody is refused. */
export const CLOSED: Snapshot = Object.freeze({
  version: 0,
  rules: new Map<BackendPort, Rule>(),
  closed: "no-snapshot",
  hints: NO_HINTS,
  statuses: Object.freeze([]),
});
