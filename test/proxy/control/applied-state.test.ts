import assert from "node:assert/strict";
import { test } from "node:test";
import { CLOSED } from "../../../src/policy/snapshot.ts";
import { AppliedState, LAG_HEARTBEATS } from "../../../src/proxy/control/applied-state.ts";

/** Started without credentials, and so told. */
function keptUp(): AppliedState {
  const state = new AppliedState({ snapshot: CLOSED, credentials: undefined });
  state.applied("credentials", 0);
  return state;
}

function isLagging({ lag }: AppliedState): boolean {
  return lag !== undefined;
}

function beat(state: AppliedState, times: number): void {
  for (let beats = 0; beats < times; beats += 1) state.heartbeat();
}

test("what is not applied within the bound is late, whatever was sent after it", () => {
  const state = keptUp();
  state.sent("snapshot", 1);
  beat(state, LAG_HEARTBEATS - 1);
  state.sent("snapshot", 2);
  assert.ok(!isLagging(state));
  beat(state, 1);
  assert.deepEqual([state.lag?.what, state.lag?.version], ["snapshot", 1]);
});

test("a thread that is always one snapshot behind keeps up", () => {
  const state = keptUp();
  state.sent("snapshot", 1);
  for (let version = 1; version < 50; version += 1) {
    state.sent("snapshot", version + 1);
    beat(state, 1);
    state.applied("snapshot", version);
    assert.ok(!isLagging(state));
  }
  assert.equal(state.snapshotVersion, 49);
});

test("a failure stands until something of its kind is applied", () => {
  const state = keptUp();
  state.sent("credentials", 2);
  state.failed("credentials", 2, "why");
  assert.equal(state.late, undefined);
  state.sent("snapshot", 1);
  state.applied("snapshot", 1);
  assert.deepEqual([state.lag?.version, state.lag?.problem], [2, "why"]);
  state.sent("credentials", 3);
  state.applied("credentials", 3);
  assert.ok(!isLagging(state));
  assert.equal(state.credentialsGeneration, 3);
});
