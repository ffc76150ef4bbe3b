/** How latencies are distributed at a fixed rate. */
import { isUnmeasured, type LoadFigure, type Maybe } from "../../load/measurements/figures.ts";
import { paragraph, plot, table, type Block, type Section } from "../document.ts";
import { currentRows, entriesOf } from "../load-rows.ts";
import type { LoadResult } from "../results.ts";
import { linePlot, type Line } from "../svg/line-plot.ts";
import { logScale } from "../svg/scale.ts";
import { marks, NONE, number, times } from "../words.ts";

/** Of some thousand requests, one or two are beyond it. */
const HIGHEST = 99.9;
const SHOWN = [50, 90, 99, 99.9];
const ALONE = "application alone";
/** Variants of a rival would hide each other; all are in the table. */
const DRAWN: ReadonlySet<string> = new Set([
  ALONE,
  "postern",
  "postern-log",
  "postern-stream",
  "nginx",
  "haproxy",
  "envoy",
  "ghostunnel",
  "http-proxy",
]);

/** On an axis that gives each further nine (90, 99, 99.9) the same distance. */
const nines = (percent: number): number => 1 / (1 - percent / 100);

type Entry = readonly [contender: string, figure: Maybe<LoadFigure>];

function linesOf(entries: readonly Entry[]): readonly Line[] {
  return entries.flatMap(([label, figure]) => {
    if (isUnmeasured(figure) || !DRAWN.has(label)) return [];
    const points = (figure.latency?.percentiles ?? []).flatMap(([percent, ms]) =>
      percent >= 50 && percent <= HIGHEST ? [[nines(percent), ms] as const] : [],
    );
    return points.length === 0 ? [] : [{ label, points, dashed: label === ALONE }];
  });
}

function plotOf(entries: readonly Entry[], rate: number): readonly Block[] {
  const lines = linesOf(entries);
  const values = lines.flatMap(({ points }) => points.map(([, ms]) => ms));
  if (values.length === 0) return [];
  const svg = linePlot({
    title: `Latency at ${rate} requests a second, mTLS, open loop`,
    x: {
      title: "percentile",
      scale: (range) => ({ ...logScale(2, nines(HIGHEST), range), ticks: SHOWN.map(nines) }),
      name: (tick) => String(Number((100 - 100 / tick).toFixed(2))),
    },
    y: { title: "ms, logarithmic", scale: (range) => logScale(Math.min(...values), Math.max(...values), range) },
    lines,
  });
  return [plot("latency", "Latency by percentile of each contender", svg)];
}

function percentile({ latency }: LoadFigure, wanted: number): number {
  if (latency === undefined) return Number.NaN;
  if (wanted === 50) return latency.p50;
  if (wanted === 99) return latency.p99;
  return latency.percentiles?.find(([percent]) => percent === wanted)?.[1] ?? Number.NaN;
}

export function latencySection(load: LoadResult): Section {
  const entries: readonly Entry[] = [[ALONE, load.direct], ...entriesOf(currentRows(load), "fixedRate")];
  const nginx = entries.find(([contender]) => contender === "nginx")?.[1];
  const rivalP99 = nginx === undefined || isUnmeasured(nginx) ? Number.NaN : percentile(nginx, 99);
  const body = entries.map(([contender, figure]) => {
    if (isUnmeasured(figure)) return [contender, ...SHOWN.map(() => NONE), NONE];
    // The application alone has no proxy core that others could take from.
    const mark = contender === ALONE ? "" : marks(figure, false);
    return [
      contender,
      ...SHOWN.map((percent) => number(percentile(figure, percent))),
      `${times(percentile(figure, 99) / rivalP99)}${mark}`,
    ];
  });
  const { rate, seconds } = load.options;
  return {
    title: "Latency",
    blocks: [
      paragraph(
        `${rate} requests a second for ${seconds} s over 32 kept mTLS connections. A request is sent when it is due, whether or not earlier ones were answered, and its wait counts from then. Milliseconds; ! others had more than 5 % of the proxy's core.`,
      ),
      ...plotOf(entries, rate),
      table(["contender", ...SHOWN.map((percent) => `p${percent}`), "p99, x nginx"], body),
    ],
  };
}
