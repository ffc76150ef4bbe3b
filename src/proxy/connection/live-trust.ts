/**
 * Brings a change of trust to whoever is connected: in slices between which the thread serves, and each connection before
 * it is served anything new.
 */
import type { X509Certificate } from "node:crypto";
import type { Refused } from "../../policy/decision.ts";
import type { Credentials } from "../../tls/credentials.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionTable } from "./connection-table.ts";
import { chainHasEnded, TrustJudge } from "./lost-trust.ts";
import type { Slices } from "./slices.ts";

export class LiveTrust {
  readonly #table: ConnectionTable;
  readonly #slices: Slices;
  #credentials: Credentials | undefined;
  #judge = new TrustJudge(undefined);
  /** When a CA or a list ends next, ascending. */
  #ends: readonly number[] = [];
  #due: IterableIterator<AcceptedConnection> | undefined;

  constructor(table: ConnectionTable, slices: Slices) {
    this.#table = table;
    this.#slices = slices;
  }

  /** From now on these are trusted, in place of all before. The first slice is over on return. */
  apply(credentials: Credentials | undefined): void {
    const now = Date.now();
    this.#credentials = credentials;
    this.#judge = new TrustJudge(credentials);
    this.#ends = (credentials?.trustEnds ?? []).filter((end) => end >= now);
    this.#begin(() => false);
  }

  /** One connection that is about to be admitted, by the newest trust. */
  judge(connection: AcceptedConnection): Refused | undefined {
    return this.#judge.judge(connection);
  }

  /** Whether a certificate can be judged without what came with it; so also where it is judged to be bad. */
  standsAlone(leaf: X509Certificate | undefined): boolean {
    return leaf !== undefined && this.#judge.judgeChain([leaf]) !== "certificate-untrusted";
  }

  /** When a CA of the bundle or a list ends next, milliseconds since the epoch: `sweep` is due after that. */
  get nextEnd(): number {
    return this.#ends[0] ?? Number.POSITIVE_INFINITY;
  }

  /** To be called now and then: what a certificate or a list has vouched for is judged again once that has ended. */
  sweep(nowMs: number): void {
    if (this.nextEnd < nowMs) {
      this.#ends = this.#ends.filter((end) => end >= nowMs);
      this.#judge = new TrustJudge(this.#credentials);
      this.#begin(() => true);
      return;
    }
    for (const connection of this.#table) {
      if (!chainHasEnded(connection, nowMs)) continue;
      this.#begin((one) => chainHasEnded(one, nowMs));
      return;
    }
  }

  /** @param isOld time has gone by in which what was good may have ended */
  #begin(isOld: (connection: AcceptedConnection) => boolean): void {
    const judge = this.#judge;
    const due: AcceptedConnection[] = [];
    for (const connection of this.#table) {
      // What is due there is its end.
      if (connection.revoked) continue;
      // One that an older pass has left over is judged by the newest trust, or found good by it already.
      const isDue = judge.isDue(connection, isOld(connection) || connection.judgementIsDue);
      connection.judgeLater(
        isDue ? () => this.#table.revokeOne(connection, () => judge.judge(connection, true)) : undefined,
      );
      if (isDue) due.push(connection);
    }
    const pass = due.values();
    this.#due = pass;
    this.#slices.run(
      pass,
      (connection) => connection.judgeNow(),
      // A newer pass takes over.
      () => this.#due === pass,
    );
  }
}
