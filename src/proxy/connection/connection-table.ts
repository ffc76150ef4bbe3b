/**
 * Who is connected to this thread, and whether it still may be. Every change of policy, endpoints, credentials or time
 * is brought to the live connections here, with the same `authorize` that let them in.
 */
import { performance } from "node:perf_hooks";
import { authorizeBy, ruleFor, type Moment, type RuleInForce } from "../../policy/authorize.ts";
import { isReplaced, ownersOf, UNKNOWN_OWNERS, type Owners } from "../../policy/address/address-set.ts";
import type { AuditedReason, Decision, Refused } from "../../policy/decision.ts";
import { alternatives, type Snapshot } from "../../policy/snapshot.ts";
import { faultIn } from "../forward/boundary.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import { admissionOf, type Admission } from "./connection-phase.ts";
import type { Slices } from "./slices.ts";

const ENDPOINT_REPLACED: AuditedReason & "endpoint-replaced" = "endpoint-replaced";

/** Added to the grace before the table closes what a forwarder has left open. */
const GRACE_SLACK_MS = 500;

/** Every accepted connection of a thread, from accept to record. */
export class ConnectionTable {
  readonly #connections = new Set<AcceptedConnection>();
  readonly #revokedAt = new Map<AcceptedConnection, number>();
  readonly #revokeGraceMs: number;
  readonly #emptied: (() => void)[] = [];
  readonly #onWouldRefuse: (connection: AcceptedConnection, reason: AuditedReason) => void;
  readonly #slices: Slices;

  /**
   * @param onWouldRefuse a connection has lost its right, and audit lets it stay
   */
  constructor(
    revokeGraceMs: number,
    slices: Slices,
    onWouldRefuse: (connection: AcceptedConnection, reason: AuditedReason) => void = () => {},
  ) {
    this.#revokeGraceMs = revokeGraceMs;
    this.#slices = slices;
    this.#onWouldRefuse = onWouldRefuse;
  }

  get size(): number {
    return this.#connections.size;
  }

  [Symbol.iterator](): IterableIterator<AcceptedConnection> {
    return this.#connections.values();
  }

  accept(connection: AcceptedConnection): void {
    this.#connections.add(connection);
  }

  leave(connection: AcceptedConnection): void {
    this.#connections.delete(connection);
    this.#revokedAt.delete(connection);
    if (this.#connections.size > 0) return;
    for (const resolve of this.#emptied.splice(0)) resolve();
  }

  whenEmpty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptied.push(resolve));
  }

  /**
   * Judges every live connection by a new snapshot, or by the same one at a later time.
   * @param moment audits that have ended by then let nobody stay
   * @returns how many lost their right.
   */
  rejudge(snapshot: Snapshot, moment: Moment): number {
    return this.#revokeWhere((connection, admission) => {
      const before = connection.decision;
      const decision = judgeAgain(ruleFor(snapshot, connection.port, moment), connection, admission);
      // Once forbidden it answers 403 until it closes or is allowed; a right that was there and is lost ends it.
      if (decision.verdict === "forward" || (decision.verdict === "forbidden" && before.verdict === "forbidden")) {
        connection.rejudge(decision);
        if (waivedReason(decision) !== undefined && waivedReason(before) === undefined)
          this.#onWouldRefuse(connection, waivedReason(decision)!);
        return undefined;
      }
      return decision;
    });
  }

  /**
   * Revokes every live connection for which `test` gives a refusal.
   * @returns how many.
   */
  revokeIf(test: (connection: AcceptedConnection) => Refused | undefined): number {
    return this.#revokeWhere((connection) => test(connection));
  }

  /** Revokes this live connection if `test` gives a refusal. */
  revokeOne(connection: AcceptedConnection, test: () => Refused | undefined): void {
    if (this.#connections.has(connection) && this.#revokeIf(connection, test)) connection.judgeNow();
  }

  /** Closes what has outlived its grace: the limit holds whatever a forwarder does. */
  enforceGrace(nowMs: number): void {
    for (const [connection, revokedAt] of this.#revokedAt) {
      if (nowMs - revokedAt > this.#revokeGraceMs + GRACE_SLACK_MS) connection.reset();
    }
  }

  /** All are judged on return. They are closed in slices, and each before it is served anything new. */
  #revokeWhere(test: (connection: AcceptedConnection, admission: Admission) => Refused | undefined): number {
    const revoked = [...this.#connections].filter((connection) => this.#revokeIf(connection, test));
    this.#slices.run(revoked.values(), (connection) => connection.judgeNow());
    return revoked.length;
  }

  /** @returns whether it lost its right: its end is due then */
  #revokeIf(
    connection: AcceptedConnection,
    test: (connection: AcceptedConnection, admission: Admission) => Refused | undefined,
  ): boolean {
    const admission = admissionOf(connection.phase);
    // What has closed is over: it is here until it is written about, and its certificate can be asked for no more.
    if (admission === undefined || connection.revoked || connection.socket.destroyed) return false;
    try {
      const refusal = test(connection, admission);
      if (refusal === undefined) return false;
      this.#revoke(connection, admission, refusal);
      return true;
    } catch (thrown) {
      // A connection that cannot be judged may not stay.
      connection.fault(faultIn("connection judgement", thrown));
      return false;
    }
  }

  #revoke(connection: AcceptedConnection, admission: Admission, refusal: Refused): void {
    connection.refuse("revoked", refusal);
    this.#revokedAt.set(connection, performance.now());
    connection.judgeLater(() => {
      if (!this.#connections.has(connection)) return;
      try {
        admission.forwarder.revoke(connection);
      } catch (thrown) {
        connection.fault(faultIn("connection revocation", thrown));
      }
    });
  }
}

/** The decision of today, and the owners of the address compared: one that only other pods have now is not the one we let in. */
function judgeAgain(rule: RuleInForce, connection: AcceptedConnection, admission: Admission): Decision {
  const decision = authorizeBy(rule, connection.peer);
  if (decision.verdict !== "forward" || !isReplaced(admission.owners, addressOwners(rule, connection, decision)))
    return decision;
  const isAudited = rule.state === "open" && rule.audited.some(({ policy }) => policy === decision.policy);
  if (isAudited) return { ...decision, wouldRefuse: ENDPOINT_REPLACED };
  return { verdict: "close", reason: ENDPOINT_REPLACED, policy: decision.policy };
}

function waivedReason(decision: Decision): AuditedReason | undefined {
  return decision.verdict === "forward" ? decision.wouldRefuse : undefined;
}

/** The pods behind a connection's address by the object that decided. */
export function addressOwners(rule: RuleInForce, { peer }: AcceptedConnection, { policy }: Decision): Owners {
  if (rule.state === "refused" || peer.address === undefined) return UNKNOWN_OWNERS;
  const decided = alternatives(rule.open).find((alternative) => alternative.policy === policy);
  return decided?.addresses === undefined ? UNKNOWN_OWNERS : ownersOf(decided.addresses, peer.address);
}
