/**
 * Watches over resumed sessions from within a thread. A ticket cannot be refused once it was read: its caller loses the
 * connection instead of showing its certificate. So where that has happened, or would, the control side takes the tickets away.
 */
import { LRUCache } from "lru-cache";
import { presentedLeaf } from "../../tls/x509/presented-chain.ts";
import type { TicketProblem } from "../../tls/session-tickets.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { LiveTrust } from "./live-trust.ts";

/** Certificates of which it is remembered whether they stand alone; a gateway's replicas share a handful. */
const REMEMBERED = 1_024;

export class Resumption {
  readonly #trust: LiveTrust;
  readonly #report: (problem: TicketProblem) => void;
  /** Fingerprints of leaves, each by the trust that it stands alone by. */
  readonly #standingAlone = new LRUCache<string, true>({ max: REMEMBERED });

  constructor(trust: LiveTrust, report: (problem: TicketProblem) => void) {
    this.#trust = trust;
    this.#report = report;
  }

  /** Whoever was refused resumed a session. */
  refused(): void {
    this.#report("session-refused");
  }

  /** A full handshake has left tickets with a caller whose certificate was found good. */
  issued({ secured }: AcceptedConnection): void {
    const fingerprint = secured?.verified.identity?.fingerprint;
    if (secured === undefined || fingerprint === undefined) return;
    const key = `${fingerprint} ${secured.trust}`;
    if (this.#standingAlone.has(key)) return;
    if (this.#trust.standsAlone(presentedLeaf(secured.socket, fingerprint))) this.#standingAlone.set(key, true);
    else this.#report("chain-needed");
  }
}
