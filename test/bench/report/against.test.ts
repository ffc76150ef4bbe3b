import assert from "node:assert/strict";
import { test } from "node:test";
import { pairsAgainst } from "../../../bench/report/against.ts";
import { documentOf } from "../../../bench/report/compose.ts";
import { currentRows } from "../../../bench/report/load-rows.ts";
import type { LoadResult, MicroResult } from "../../../bench/report/results.ts";
import { load as figure, row } from "../load/report/rows.ts";
import { reportOf } from "./fixtures.ts";

const REPORT = reportOf("load.json", "micro.json", "start.json");
const { load, micro } = REPORT.results;
assert.ok(load !== undefined && micro !== undefined);

/** As the load bench names two checkouts in one run. */
const BOTH: LoadResult = {
  ...load,
  builds: [{ suffix: "@current" }, { suffix: "@abc1234" }],
  rows: [
    row("postern@current", { steady: figure(30) }, "postern"),
    row("postern@abc1234", { steady: figure(40, { others: 0.2 }) }, "postern"),
    row("nginx", { steady: figure(20) }),
  ],
};
const BEFORE: MicroResult = {
  ...micro,
  figures: micro.figures.map((one) => ({ ...one, nanoseconds: one.nanoseconds * 2 })),
};

test("a baseline of the same run is compared figure by figure", () => {
  const pairs = pairsAgainst({ load: BOTH, micro, microBefore: BEFORE });
  assert.deepEqual(pairs[0], {
    what: "postern: CPU a request, HTTP/1.1",
    unit: "us",
    before: 40,
    after: 30,
    remarks: ["postern@abc1234 disturbed"],
  });
  const decisions = pairs.filter(({ what }) => what.startsWith("decision"));
  assert.equal(decisions.length, micro.figures.length);
  assert.ok(decisions.every(({ before, after }) => before === 2 * after));
});

test("this checkout keeps its plain name beside a baseline, which stands in no table of rivals", () => {
  assert.deepEqual(
    currentRows(BOTH).map(({ contender }) => contender),
    ["postern", "nginx"],
  );
});

test("the page says by ratio what became better and what worse", () => {
  const report = { ...REPORT, against: "abc1234", results: { load: BOTH, micro, microBefore: BEFORE } };
  const section = documentOf(report).sections.find(({ title }) => title === "Beside abc1234");
  const [rows] = (section?.blocks ?? []).flatMap((block) => (block.kind === "table" ? [block.rows] : []));
  assert.deepEqual(rows?.[0], [
    "postern: CPU a request, HTTP/1.1",
    "40 us",
    "30 us",
    "0.75x",
    "better",
    "postern@abc1234 disturbed",
  ]);
});

test("without a baseline there is nothing to compare", () => {
  assert.deepEqual(pairsAgainst(REPORT.results), []);
});
