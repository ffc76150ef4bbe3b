import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, duration, moment } from "../../../src/admin/status-page/time-words.ts";

test("a time in one unit, rounded down", () => {
  const rows = [
    [-5, "0 s"],
    [999, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [86_399_999, "23 h"],
    [86_400_000 * 400, "400 d"],
  ] as const;
  for (const [ms, words] of rows) assert.equal(duration(ms), words);
  assert.equal(ago(undefined, 5_000), "never");
  assert.equal(ago(2_000, 5_000), "3 s ago");
});

test("a moment is RFC 3339, and what is none throws nothing", () => {
  assert.equal(moment(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), "2026-01-02T03:04:05Z");
  assert.equal(moment(Number.POSITIVE_INFINITY), "at no known time");
});
