/** One decision case on the wire: what each caller sees, and what reaches the application. */
import assert from "node:assert/strict";
import type { TestApplication } from "../test/support/application/application.ts";
import type { CallOutcome } from "../test/support/caller/caller.ts";
import type { Manifest } from "../test/support/mesh/objects.ts";
import { isOnLoopback, onLoopback, type Callers, type NoAnswer } from "./callers.ts";
import type { Connection, DecisionCase } from "./cases.ts";

/** What the application answers, so that nobody takes another answer for its. */
export const APPLICATION_BODY = "application";

/** An implementation that is tried. */
export interface Subject {
  /** The application behind every one of its ports. */
  readonly application: TestApplication;
  /** Where a backend (target) port is listened on, on 127.0.0.1. */
  port(backend: number): number;
  /** Puts the objects in force instead of those of before; resolves when they are. */
  apply(objects: readonly Manifest[]): Promise<void>;
}

/** Connections that the loopback of this machine can play. */
export function playable({ connections }: DecisionCase): readonly Connection[] {
  return connections.filter(isOnLoopback);
}

/**
 * Rejects with an AssertionError that says which caller got what.
 *
 * @param afterRefusal what else must be true once a caller was refused
 */
export async function playCase(
  row: DecisionCase,
  subject: Subject,
  callers: Callers,
  afterRefusal?: (connection: Connection) => Promise<void>,
): Promise<void> {
  const { application } = subject;
  await subject.apply(row.world.objects.map(onLoopback));
  for (const connection of playable(row)) {
    const requests = application.requests.length;
    const { connections } = application;
    checkOutcome(connection, await callers.call(connection, subject.port(row.port)));
    const forwarded = connection.expected.verdict === "forward";
    assert.equal(application.requests.length - requests, forwarded ? 1 : 0, "requests that reached the application");
    if (forwarded) continue;
    assert.equal(application.connections, connections, "the application was dialled before the verdict");
    await afterRefusal?.(connection);
  }
}

/** What the caller saw is what the verdict promises it to see. */
function checkOutcome({ expected, ...caller }: Connection, outcome: CallOutcome | NoAnswer): void {
  const about = `${JSON.stringify(caller)}: expected ${expected.verdict}, got ${JSON.stringify(outcome)}`;
  switch (expected.verdict) {
    case "forward":
      assert.ok("status" in outcome, about);
      assert.deepEqual([outcome.status, outcome.body], [200, APPLICATION_BODY], about);
      break;
    case "forbidden":
      assert.ok("status" in outcome, about);
      assert.deepEqual([outcome.status, outcome.body], [403, "RBAC: access denied"], about);
      break;
    case "tls-alert":
      assert.ok("error" in outcome, about);
      // Not every stack sends an alert for what is wrong with a certificate; for one that is missing all of them do.
      if (expected.reason === "certificate-missing") assert.match(outcome.error, /ALERT_/, about);
      break;
    case "close":
      assert.ok("error" in outcome, about);
      assert.doesNotMatch(outcome.error, /ALERT_(?:CERT|UNKNOWN_CA|BAD)/, about);
      break;
  }
}
