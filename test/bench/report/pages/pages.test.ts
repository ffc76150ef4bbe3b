import assert from "node:assert/strict";
import { test } from "node:test";
import { documentOf } from "../../../../bench/report/compose.ts";
import { paragraph, table, type Document } from "../../../../bench/report/document.ts";
import { htmlPage } from "../../../../bench/report/pages/html.ts";
import { markdownPage } from "../../../../bench/report/pages/markdown.ts";
import type { Report } from "../../../../bench/report/report-data.ts";
import { ALL, reportOf } from "../fixtures.ts";
import { assertWellFormed } from "../well-formed.ts";

const REPORTS: readonly (readonly [string, Report])[] = [
  ["all suites", reportOf(...ALL)],
  ["a busy machine", reportOf("load-of-a-busy-machine.json", "micro.json")],
  ["the load bench alone", reportOf("load.json")],
  ["no load bench", reportOf("start.json", "revocation.json")],
];

const HOSTILE: Document = {
  title: `</title><script>alert(1)</script>`,
  intro: [paragraph(`a | b *c* _d_ <img src="x"> & [e](f)`)],
  sections: [{ title: "<b>", blocks: [table(["<i>", "n"], [["a|b", "loses to <nginx>"]])] }],
};

for (const [title, report] of REPORTS) {
  test(`the HTML page of ${title} is well-formed, without script, and refers to nothing else`, () => {
    const html = htmlPage(documentOf(report));
    assertWellFormed(html);
    assert.doesNotMatch(html, /<script|<link|<img|<iframe|\ssrc=|\shref=|@import|url\(/i);
    // A name of the SVG language, not a place to load from.
    assert.deepEqual(
      new Set(html.match(/https?:[^"\s]*/g) ?? []),
      new Set(html.match(/http:\/\/www\.w3\.org\/2000\/svg/g) ?? []),
    );
  });

  test(`no page of ${title} shows a number that is none`, () => {
    const document = documentOf(report);
    const { text, plots } = markdownPage(document, "plots");
    for (const page of [htmlPage(document), text, ...plots.values()])
      assert.doesNotMatch(page, /NaN|Infinity|undefined|\bnull\b|\[object/);
  });
}

test("the HTML page escapes what it is told to show", () => {
  const html = htmlPage(HOSTILE);
  assertWellFormed(html);
  assert.doesNotMatch(html, /<script|<img|<b>|<i>/);
  assert.match(html, /<td class="bad">loses to &lt;nginx&gt;<\/td>/);
});

test("the Markdown page shows texts as they are", () => {
  const { text } = markdownPage(HOSTILE, "plots");
  assert.match(text, /^# \\<\/title\\>\\<script\\>/);
  assert.ok(text.includes(String.raw`a \| b \*c\* \_d\_ \<img src="x"\> & \[e\](f)`));
  assert.ok(text.includes(String.raw`| a\|b | loses to \<nginx\> |`));
});

test("the Markdown page names a file for each of its plots, and every plot can stand alone", () => {
  const { text, plots } = markdownPage(documentOf(reportOf(...ALL)), "plots");
  const named = [...text.matchAll(/\]\(plots\/([\w-]+\.svg)\)/g)].map(([, name]) => name);
  assert.deepEqual(named, [...plots.keys()]);
  assert.ok(named.includes("cpu-steady.svg") && named.includes("endpoints.svg") && named.includes("cut-files.svg"));
  for (const svg of plots.values()) {
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    assertWellFormed(svg);
  }
});

test("a row of a Markdown table is one line, whatever a program said before it failed", () => {
  const { text } = markdownPage(documentOf(reportOf("load-of-a-busy-machine.json")), "plots");
  for (const line of text.split("\n").filter((each) => each.startsWith("|"))) assert.match(line, /\|$/);
});
