import assert from "node:assert/strict";
import { test } from "node:test";
import { readEnforcement } from "../../src/config/enforcement.ts";
import { readDuration, Unusable } from "../../src/config/values.ts";

const NOW = Date.parse("2026-11-01T00:00:00Z");

test("an audit ends after a duration or at a time that somebody waits for", () => {
  assert.deepEqual(readEnforcement("audit:2h", NOW), { mode: "audit", forMs: 7_200_000 });
  const farthest = "audit:2027-01-30T00:00:00Z";
  assert.deepEqual(readEnforcement(farthest, NOW), { mode: "audit", until: NOW + 90 * 86_400_000 });
  for (const text of ["audit:2027-01-30T00:00:01Z", "audit:9999-12-31T23:59:59Z", "audit:30d", "audit:0"]) {
    const read = readEnforcement(text, NOW);
    assert.ok(read instanceof Unusable, text);
    assert.match(read.expected, /in ms, s, m or h; at most 24 days/);
    assert.match(read.expected, /audit:2026-11-02T00:00:00Z, at most 90 days ahead/);
  }
});

test("a time that has passed is taken: the process starts, and enforces", () => {
  assert.deepEqual(readEnforcement("audit:2026-10-31T00:00:00Z", NOW), { mode: "audit", until: NOW - 86_400_000 });
});

test("a duration in a unit that is none says which there are", () => {
  for (const text of ["30d", "1w", "10", "25000h"]) {
    const read = readDuration(text);
    assert.ok(read instanceof Unusable, text);
    assert.match(read.expected, /in ms, s, m or h; at most 24 days/);
  }
});
