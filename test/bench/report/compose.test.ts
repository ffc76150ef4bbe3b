import assert from "node:assert/strict";
import { test } from "node:test";
import { documentOf } from "../../../bench/report/compose.ts";
import type { Block, Document } from "../../../bench/report/document.ts";
import { reportFrom, type Report, type SuiteRun } from "../../../bench/report/report-data.ts";
import type { HandshakeResult } from "../../../bench/report/results.ts";
import { body, load as figure, row } from "../load/report/rows.ts";
import { ALL, reportOf } from "./fixtures.ts";

function blocks(document: Document, title: string): readonly Block[] {
  const section = document.sections.find((each) => each.title === title);
  assert.ok(section, `there is no section '${title}'`);
  return section.blocks;
}

function cellsOf(document: Document, title: string, row: string): readonly string[] {
  const tables = blocks(document, title).filter((block) => block.kind === "table");
  const found = tables.flatMap(({ rows }) => rows).find(([name]) => name === row);
  assert.ok(found, `'${title}' has no row '${row}'`);
  return found;
}

function doubts(report: Report): string {
  return documentOf(report)
    .intro.flatMap((block) => (block.kind === "list" ? block.items : []))
    .join("\n");
}

const REPORT = reportOf(...ALL);
const DOCUMENT = documentOf(REPORT);

test("a loss is said as plainly as a win, and the worst stands first", () => {
  const [worst] = blocks(DOCUMENT, "Where Postern loses, and where it wins").flatMap((block) =>
    block.kind === "table" ? block.rows : [],
  );
  assert.deepEqual(worst?.slice(0, 4), [
    "postern: resident after load",
    "178 MiB",
    "15.47x nginx, 2.53x envoy",
    "loses to nginx, envoy",
  ]);
  const steady = cellsOf(DOCUMENT, "Where Postern loses, and where it wins", "postern: CPU a request, HTTP/1.1");
  assert.equal(steady[3], "loses to nginx; even with envoy");
});

test("the figure of a load, its ratio to nginx and its marks are in one cell", () => {
  assert.equal(cellsOf(DOCUMENT, "CPU a request", "postern")[1], "210 (4.47x)");
  assert.match(cellsOf(DOCUMENT, "CPU a request", "envoy")[1] ?? "", /^232 \(4\.94x\)\*!$/);
});

test("goals of all suites stand in one table, and what is no number meets none", () => {
  assert.equal(cellsOf(DOCUMENT, "Goals", "resident, with an API server")[3], "NOT MET");
  assert.equal(cellsOf(DOCUMENT, "Goals", "connections of others that were closed")[3], "met");
  assert.equal(cellsOf(DOCUMENT, "Goals", "others' p99 during a change")[3], "not measured");
});

test("the first lines say what makes a report doubtful", () => {
  const text = doubts(REPORT);
  assert.match(text, /A quick run/);
  assert.match(text, /In \d+ of \d+ figures of the load bench other processes had more than 5 %/);
  assert.match(text, /Suites were run one by one/);
});

test("a contender that did not run is named among the doubts, briefly, and in no table", () => {
  const report = reportOf("load-of-a-busy-machine.json");
  assert.match(doubts(report), /^postern was not measured: it does not answer \(connect ECONNREFUSED.*\.\.\.\.$/m);
  assert.throws(() => cellsOf(documentOf(report), "CPU a request", "postern"), /no row 'postern'/);
});

const RUN: SuiteRun = { suite: "load", command: "npm run bench -- load", seconds: 60, failure: "", othersBefore: 0 };

test("a suite that began on a busy machine, or failed, is among the doubts, and its command in the stamp", () => {
  const runs = [
    { ...RUN, othersBefore: 0.4 },
    { ...RUN, suite: "micro", of: "abc1234", othersBefore: 0.35 },
    { ...RUN, suite: "start", command: "npm run bench -- start", failure: "it ended with 1" },
  ];
  const report = { ...REPORT, commit: "abc1234+", runs };
  const text = doubts(report);
  assert.match(text, /Others had 40 % of this machine just before load began/);
  assert.match(text, /Others had 35 % of this machine just before micro of abc1234 began/);
  assert.match(text, /start: it ended with 1/);
  assert.match(text, /Files differed from the commit/);
  const code = blocks(documentOf(report), "What was run").find((block) => block.kind === "code");
  assert.deepEqual(code?.lines, ["npm run bench -- load", "npm run bench -- load", "npm run bench -- start"]);
});

test("figures of two machines in one report are doubted", () => {
  const { load } = REPORT.results;
  assert.ok(load !== undefined);
  const elsewhere = { ...load, machine: { ...load.machine, cpu: "another" } };
  assert.match(doubts({ ...REPORT, results: { ...REPORT.results, load: elsewhere } }), /different machines/);
});

test("every load in which a proxy had time to spare is among the doubts, with all such proxies", () => {
  const { load } = REPORT.results;
  assert.ok(load !== undefined);
  const idle = { busy: 0.5 };
  const rows = [
    row("postern", { steady: figure(30), handshakeFull: figure(900, idle), bodyUp: body(100, 9, idle) }),
    row("nginx", { steady: figure(20, idle), handshakeFull: figure(800, idle) }),
  ];
  const lines = doubts({ ...REPORT, results: { load: { ...load, rows } } }).split("\n");
  assert.deepEqual(
    lines.filter((line) => line.startsWith("Not saturated")),
    [
      "Not saturated by handshake, so a little too dear a request: postern, nginx.",
      "Not saturated by HTTP/1.1, so a little too dear a request: nginx.",
    ],
  );
});

test("a difference within the noise meets no goal, and the page says the rule", () => {
  const { load } = REPORT.results;
  assert.ok(load !== undefined);
  const rows = [row("postern", { steady: figure(142) }), row("postern-log", { steady: figure(135) })];
  const document = documentOf({ ...REPORT, results: { load: { ...load, rows } } });
  const cells = cellsOf(document, "Goals", "access log, CPU a request more");
  assert.deepEqual(cells.slice(2, 4), ["-7.00 us, within the noise of 15 %", "not measured"]);
  const [rule] = blocks(document, "Goals");
  assert.match(rule?.kind === "paragraph" ? rule.text : "", /less than 15 % of the smaller/);
});

const CONNECTION = { contender: "postern", lowest: 800, highest: 1_000, connections: 900 } as const;
const HANDSHAKE: HandshakeResult = {
  bench: "handshake",
  machine: REPORT.machine,
  options: { quick: false, rounds: 3, seconds: 1 },
  figures: [
    { ...CONNECTION, measurement: "full-1.3", value: 900 },
    { ...CONNECTION, measurement: "refused", value: 45 },
    { ...CONNECTION, contender: "haproxy", measurement: "full-1.3", value: 1_000 },
  ],
  failures: ["envoy, full-1.2: it does not answer"],
};

test("what a new connection costs has a section and goals of its own, and what failed of it is said", () => {
  const report = reportFrom(new Map([["handshake.json", JSON.stringify(HANDSHAKE)]]));
  const document = documentOf(report);
  assert.deepEqual(cellsOf(document, "Goals", "connections: full handshake, TLS 1.3").slice(1, 4), [
    "at most 1.2 x haproxy",
    "0.9 x haproxy",
    "met",
  ]);
  assert.equal(cellsOf(document, "Goals", "connections: resumed session, TLS 1.3")[3], "not measured");
  assert.equal(cellsOf(document, "New connections", "postern")[2], "900 (800-1000)");
  const lists = blocks(document, "New connections").flatMap((block) => (block.kind === "list" ? block.items : []));
  assert.deepEqual(lists, ["Not measured: envoy, full-1.2: it does not answer."]);
});
