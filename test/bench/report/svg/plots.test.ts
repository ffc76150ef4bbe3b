import assert from "node:assert/strict";
import { test } from "node:test";
import { barPlot } from "../../../../bench/report/svg/bar-plot.ts";
import { short } from "../../../../bench/report/svg/frame.ts";
import { linePlot } from "../../../../bench/report/svg/line-plot.ts";
import { rangePlot } from "../../../../bench/report/svg/range-plot.ts";
import { linearScale, logScale } from "../../../../bench/report/svg/scale.ts";
import { assertWellFormed } from "../well-formed.ts";

const widths = (svg: string): readonly number[] =>
  [...svg.matchAll(/<rect x="130" [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));

test("barPlot() draws bars in proportion, from zero", () => {
  const bars = [
    { label: "nginx", value: 20, note: "1.00x" },
    { label: "postern", value: 40, note: "2.00x" },
  ];
  const svg = barPlot({ title: "HTTP/1.1", axis: "us", bars });
  const [nginx = 0, postern = 0] = widths(svg);
  assert.equal(postern, 2 * nginx);
  assert.match(svg, />40 {2}2\.00x</);
  assertWellFormed(svg);
});

test("a plot escapes what it is told to write", () => {
  const svg = barPlot({ title: `<b>&"'`, axis: "us", bars: [{ label: "</text>", value: 1, note: "<script>" }] });
  assert.doesNotMatch(svg, /<script|<b>/);
  assertWellFormed(svg);
});

test("linePlot() puts each line's name at its end and skips lines without points", () => {
  const svg = linePlot({
    title: "memory",
    x: { title: "connections", scale: (range) => linearScale(100, range) },
    y: { title: "MiB", scale: (range) => linearScale(10, range) },
    lines: [
      {
        label: "nginx",
        points: [
          [0, 1],
          [100, 2],
        ],
      },
      { label: "ghostunnel", points: [] },
    ],
  });
  assert.match(svg, />nginx</);
  assert.doesNotMatch(svg, /ghostunnel/);
  assertWellFormed(svg);
});

test("linePlot() names ticks as its axis does", () => {
  const axis = { title: "percentile", scale: (range: readonly [number, number]) => logScale(2, 1_000, range) };
  const svg = linePlot({ title: "t", x: { ...axis, name: (tick) => `<${tick}>` }, y: axis, lines: [] });
  assert.match(svg, />&lt;10&gt;</);
});

test("rangePlot() shows the goal and leaves out rows that have no numbers", () => {
  const rows = [
    { label: "CRL entry", p50: 10, p99: 100, max: 120 },
    { label: "CA removal", p50: Number.NaN, p99: Number.NaN, max: Number.NaN },
  ];
  const svg = rangePlot({ title: "cut", axis: "ms", rows, goal: 250 });
  assert.match(svg, /goal for p99: 250/);
  assert.doesNotMatch(svg, /CA removal|NaN/);
  assertWellFormed(svg);
});

test("short() keeps the digits that are compared", () => {
  assert.deepEqual([0, 0.1234, 47.12, 512.4, 13_391, 1_000_000].map(short), [
    "0",
    "0.123",
    "47.1",
    "512",
    "13.4k",
    "1M",
  ]);
});
