import assert from "node:assert/strict";
import { test } from "node:test";
import { reportFrom } from "../../../bench/report/report-data.ts";
import { ALL, reportOf } from "./fixtures.ts";

const files = (...entries: readonly (readonly [string, string])[]): ReadonlyMap<string, string> => new Map(entries);

test("a report's own JSON makes the same report again", () => {
  const report = reportOf(...ALL);
  assert.deepEqual(reportFrom(files(["report.json", JSON.stringify(report)])), report);
});

test("results of suites find their places whatever their order", () => {
  const { results, quick } = reportOf("revocation.json", "load.json");
  assert.deepEqual(Object.keys(results).toSorted(), ["load", "revocation"]);
  assert.equal(quick, true);
});

test("what was no number is none, not zero", () => {
  assert.equal(reportOf("revocation.json").results.revocation?.figures[0]?.timesQuiet, Number.NaN);
});

test("files that are no results, too many of a kind, and none at all are refused by name", () => {
  const load = JSON.stringify(reportOf("load.json").results.load);
  const report = JSON.stringify(reportOf("load.json"));
  assert.throws(() => reportFrom(files(["package.json", `{"name":"postern"}`])), /package\.json is no result of load/);
  assert.throws(() => reportFrom(files(["a", load], ["b", load])), /two results of load/);
  assert.throws(() => reportFrom(files(["a", report], ["b", load])), /a is a whole report; name it alone/);
  assert.throws(() => reportFrom(files()), /--from names no file/);
});
