import assert from "node:assert/strict";
import { test } from "node:test";
import type { Allowed, Refused } from "../../../src/policy/decision.ts";
import {
  admissionOf,
  admitted,
  causeOf,
  closed,
  ending,
  ORDERLY,
  rejudged,
  type Admission,
  type Phase,
} from "../../../src/proxy/connection/connection-phase.ts";
import type { ConnectionEnd } from "../../../src/telemetry/records.ts";

const ALLOWED: Allowed = { verdict: "forward", policy: "test/ib", source: "IPRange 127.0.0.0/8" };
const NEWER: Allowed = { ...ALLOWED, policy: "test/newer" };
const REFUSED: Refused = { verdict: "close", reason: "source-not-listed" };
const admission: Admission = {
  mode: "http",
  forwarder: {} as Admission["forwarder"],
  owners: [7],
  decision: ALLOWED,
  allowed: ALLOWED,
};
const other: Admission = { ...admission, owners: [8] };
const cause = { end: "downstream-reset" } as const;

const PHASES = {
  handshaking: { state: "handshaking" },
  admitted: { state: "admitted", admission },
  "ending, never admitted": { state: "ending", admission: undefined, cause },
  "ending, admitted": { state: "ending", admission, cause },
  "closed, never admitted": { state: "closed", admission: undefined, cause },
  "closed, admitted": { state: "closed", admission, cause },
} as const satisfies Record<string, Phase>;
type Name = keyof typeof PHASES;

const rejudgedAdmission: Admission = { ...admission, decision: NEWER, allowed: NEWER };
const next = { end: "protocol-error" } as const;

/** The whole table; `same` is the very object: nothing has changed. */
const TABLE: Readonly<Record<Name, Readonly<Record<"admitted" | "rejudged" | "ending" | "closed", Phase | "same">>>> = {
  handshaking: {
    admitted: { state: "admitted", admission: other },
    rejudged: "same",
    ending: { state: "ending", admission: undefined, cause: next },
    closed: { state: "closed", admission: undefined, cause: ORDERLY },
  },
  admitted: {
    admitted: "same",
    rejudged: { state: "admitted", admission: rejudgedAdmission },
    ending: { state: "ending", admission, cause: next },
    closed: { state: "closed", admission, cause: ORDERLY },
  },
  "ending, never admitted": {
    admitted: "same",
    rejudged: "same",
    ending: "same",
    closed: { state: "closed", admission: undefined, cause },
  },
  "ending, admitted": {
    admitted: "same",
    rejudged: { state: "ending", admission: rejudgedAdmission, cause },
    ending: "same",
    closed: { state: "closed", admission, cause },
  },
  "closed, never admitted": { admitted: "same", rejudged: "same", ending: "same", closed: "same" },
  "closed, admitted": { admitted: "same", rejudged: "same", ending: "same", closed: "same" },
};

const STEPS = {
  admitted: (phase: Phase) => admitted(phase, other),
  rejudged: (phase: Phase) => rejudged(phase, NEWER),
  ending: (phase: Phase) => ending(phase, next),
  closed,
} as const;

const ORDER = ["handshaking", "admitted", "ending", "closed"];

for (const [name, row] of Object.entries(TABLE) as [Name, (typeof TABLE)[Name]][])
  for (const [step, expected] of Object.entries(row) as [keyof typeof STEPS, Phase | "same"][])
    test(`${name}, then ${step}`, () => {
      const before: Phase = PHASES[name];
      const after = STEPS[step](before);
      if (expected === "same") assert.equal(after, before);
      else assert.deepEqual(after, expected);
      assert.ok(ORDER.indexOf(after.state) >= ORDER.indexOf(before.state), "it went back");
    });

test("a refusal changes the decision, and not what let the connection in", () => {
  for (const phase of [PHASES.admitted, PHASES["ending, admitted"]]) {
    const after = admissionOf(rejudged(phase, REFUSED));
    assert.deepEqual([after?.decision, after?.allowed], [REFUSED, ALLOWED]);
  }
});

const ENDS: readonly ConnectionEnd[] = [
  "served",
  "refused",
  "handshake-failed",
  "handshake-timeout",
  "silent",
  "revoked",
  "downstream-reset",
  "upstream-unreachable",
  "upstream-reset",
  "idle-timeout",
  "lifetime-reached",
  "protocol-error",
  "overload",
  "drained",
  "internal-error",
];

/** Second causes that say more than the first; every other first cause stays. */
const SAY_MORE: Readonly<Partial<Record<ConnectionEnd, readonly ConnectionEnd[]>>> = {
  served: ENDS.filter((end) => end !== "served"),
  "lifetime-reached": ["revoked", "internal-error"],
  "idle-timeout": ["revoked", "internal-error"],
  revoked: [],
};

for (const first of ENDS)
  test(`first cause ${first}: it stays, unless the second says more`, () => {
    const replacing = SAY_MORE[first] ?? ["internal-error"];
    for (const second of ENDS) {
      const phase = ending(ending(PHASES.admitted, { end: first, detail: "1" }), { end: second, detail: "2" });
      const detail = replacing.includes(second) ? "2" : "1";
      assert.equal(causeOf(phase)?.detail, detail, `${first}, then ${second}`);
      assert.equal(causeOf(closed(phase))?.detail, detail);
      assert.equal(ending(closed(phase), { end: "internal-error" }).state, "closed");
    }
  });

test("an open connection has no cause, a handshake no admission", () => {
  assert.equal(causeOf(PHASES.handshaking), undefined);
  assert.equal(causeOf(PHASES.admitted), undefined);
  assert.equal(admissionOf(PHASES.handshaking), undefined);
});
