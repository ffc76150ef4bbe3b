/** One decision case on the wire: what each caller sees, and what reaches the application. */
import assert from "node:assert/strict";
import type { Verdict } from "../src/policy/decision.ts";
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

/** What one call came to. */
interface Seen {
  readonly outcome: CallOutcome | NoAnswer;
  /** Requests that reached the application, and connections to it, meanwhile. */
  readonly requests: number;
  readonly connections: number;
}

/** Connections that the loopback of this machine can play. */
export function playable({ connections }: DecisionCase): readonly Connection[] {
  return connections.filter(isOnLoopback);
}

/**
 * Rejects with an AssertionError that says which caller got what.
 *
 * @param afterEach what else must be true once a caller has got its answer
 * @returns connections that got what OSM was seen to give them, instead of what is expected
 */
export async function playCase(
  row: DecisionCase,
  subject: Subject,
  callers: Callers,
  afterEach: (connection: Connection) => Promise<void>,
): Promise<readonly Connection[]> {
  const differing: Connection[] = [];
  await subject.apply(row.world.objects.map(onLoopback));
  for (const connection of playable(row)) {
    const seen = await see(connection, subject, subject.port(row.port), callers);
    if (isAsObserved(connection, seen)) differing.push(connection);
    else checkSeen(connection, connection.expected.verdict, seen);
    await afterEach(connection);
  }
  return differing;
}

async function see(caller: Connection, { application }: Subject, port: number, callers: Callers): Promise<Seen> {
  const requests = application.requests.length;
  const { connections } = application;
  const outcome = await callers.call(caller, port);
  return {
    outcome,
    requests: application.requests.length - requests,
    connections: application.connections - connections,
  };
}

function isAsObserved(connection: Connection, seen: Seen): boolean {
  if (connection.observed === undefined) return false;
  try {
    checkSeen(connection, connection.observed, seen);
    return true;
  } catch {
    return false;
  }
}

/** What the caller and the application saw is what the verdict promises. */
function checkSeen({ from, tls, expected }: Connection, verdict: Verdict, seen: Seen): void {
  const { outcome, requests, connections } = seen;
  const about = `${JSON.stringify({ from, tls })}: expected ${verdict}, got ${JSON.stringify(outcome)}`;
  switch (verdict) {
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
      if ("reason" in expected && expected.reason === "certificate-missing")
        assert.match(outcome.error, /ALERT_/, about);
      break;
    case "close":
      assert.ok("error" in outcome, about);
      assert.doesNotMatch(outcome.error, /ALERT_(?:CERT|UNKNOWN_CA|BAD)/, about);
      break;
    default:
      throw new Error(`no such verdict: ${String(verdict satisfies never)}`);
  }
  const forwarded = verdict === "forward";
  assert.equal(requests, forwarded ? 1 : 0, `${about}: requests that reached the application`);
  if (!forwarded) assert.equal(connections, 0, `${about}: the application was dialled before the verdict`);
}
