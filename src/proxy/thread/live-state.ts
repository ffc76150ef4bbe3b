/** What is in force on a thread at this moment. Shared by all that judge and never copied: a copy would be old. */
import type { OwnCertificate, ServiceState } from "../../policy/service-state.ts";
import { alternatives, type Snapshot } from "../../policy/snapshot.ts";

/** It has listeners by its nature, and serves what they had queued in a drain, so it knows of neither. */
export class LiveState implements ServiceState {
  snapshot: Snapshot;
  certificate: OwnCertificate = { state: "none" };

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
  }

  /** Read where time decides, and nowhere else: the clock costs as much as a decision. */
  get now(): number {
    return Date.now();
  }

  /** When the first audit that still runs is over; milliseconds since the epoch, infinite without one. */
  endOfAudit(now: number): number {
    const rules = [...this.snapshot.rules.values()].flatMap((rule) =>
      rule.state === "open" ? alternatives(rule) : [],
    );
    const ends = rules.map(({ auditUntil = 0 }) => auditUntil);
    return Math.min(...ends.filter((end) => end > now));
  }
}
