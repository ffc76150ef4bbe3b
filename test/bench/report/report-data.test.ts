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
  assert.throws(
    () => reportFrom(files(["package.json", `{"name":"postern"}`])),
    /package\.json is no file of figures: bench is none of report, load/,
  );
  assert.throws(() => reportFrom(files(["a", load], ["b", load])), /two results of load/);
  assert.throws(() => reportFrom(files(["a", report], ["b", load])), /a is a whole report; name it alone/);
  assert.throws(() => reportFrom(files()), /--from names no file/);
});

test("a file that lacks what pages are made of is refused by the name of the field", () => {
  const report = reportOf("micro.json");
  const { micro } = report.results;
  assert.ok(micro !== undefined);
  const said = (value: unknown, words: RegExp): void =>
    assert.throws(() => reportFrom(files(["a.json", JSON.stringify(value)])), words);
  said({ bench: "load" }, /^Error: a\.json is no file of figures: machine is no object$/);
  said({ ...report, results: [] }, /: results is no object$/);
  said({ ...report, results: {} }, /: results is empty$/);
  said({ ...report, runs: undefined }, /: runs is no list$/);
  said({ ...report, results: { micro: { ...micro, figures: {} } } }, /: results\.micro\.figures is no list$/);
  said(
    { ...report, results: { micro: { ...micro, figures: [1] } } },
    /: results\.micro\.figures has an entry that is no/,
  );
  said({ ...micro, machine: { ...micro.machine, takenAt: 5 } }, /: machine\.takenAt is no text$/);
  said([], /: the file is no object$/);
  assert.throws(() => reportFrom(files(["a.json", ""])), /a\.json is no file of figures: Unexpected end/);
});
