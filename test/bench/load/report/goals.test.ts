import assert from "node:assert/strict";
import { test } from "node:test";
import { goalsOf, goalTable, suffixesOf, verdictOf } from "../../../../bench/load/report/goals.ts";
import { body, load, row } from "./rows.ts";

const at = (p99: number) => load(50, { latency: { p50: 0.1, p99 } });
const direct = at(1);
const nginx = row("nginx", {
  steady: load(26),
  fixedRate: at(1.5),
  bodyDown: body(1_000, 600),
  bodyUp: body(1_000, 600),
});
const envoy = row("envoy", { steady: load(64), http2: load(48) });
const postern = row("postern", {
  first: load(50),
  steady: load(30),
  http2: load(60),
  fixedRate: at(2),
  bodyDown: body(800, 750),
  bodyUp: body(700, 700),
});
const logged = row("postern-log", { steady: load(37) });

test("each goal is met at its limit and not beyond it", () => {
  const goals = goalsOf({ rows: [postern, logged, nginx, envoy], direct });
  assert.deepEqual(
    goals.map((goal) => `${goal.what} / ${goal.unit}: ${verdictOf(goal)}`),
    [
      "HTTP/1.1, no access log, CPU a request / x nginx: met",
      "HTTP/1.1, no access log, CPU a request / x envoy: met",
      "access log, CPU a request more / us: NOT MET",
      "HTTP/2, CPU a request / x envoy: NOT MET",
      "first seconds, CPU a request / x steady: met",
      "p99 added at the fixed rate / x nginx: met",
      "large body down / x nginx: met",
      "large body up / x nginx: NOT MET",
    ],
  );
});

test("verdictOf() never takes a missing number for a met goal", () => {
  const goal = { limit: 1, direction: "at most" } as const;
  assert.equal(verdictOf({ ...goal, value: { unmeasured: "envoy is not installed" } }), "not measured");
  assert.equal(verdictOf({ ...goal, value: Number.NaN }), "not measured");
});

test("a goal says which of its figures is doubtful", () => {
  const idle = row("nginx", { steady: load(26, { busy: 0.5 }) });
  const disturbed = row("postern", { steady: load(30, { others: 0.2 }) });
  const [first] = goalsOf({ rows: [disturbed, idle], direct });
  assert.deepEqual(first?.remarks, ["postern disturbed", "nginx not saturated"]);
});

test("goalTable() shows why a goal was not measured", () => {
  const [, line] = goalTable(goalsOf({ rows: [postern, nginx], direct }));
  assert.deepEqual(line, [
    "HTTP/1.1, no access log, CPU a request",
    "at most 0.5 x envoy",
    "envoy was not in this run",
    "not measured",
    "",
  ]);
});

test("every build of Postern in a run is judged by itself", () => {
  const rows = [
    row("postern@v24", { steady: load(60) }, "postern"),
    row("postern@v26", { steady: load(30) }, "postern"),
  ];
  assert.deepEqual(suffixesOf([...rows, nginx]), ["@v24", "@v26"]);
  const verdicts = suffixesOf(rows).map((suffix) => goalsOf({ rows: [...rows, nginx], direct }, suffix)[0]!);
  assert.deepEqual(verdicts.map(verdictOf), ["NOT MET", "met"]);
});
