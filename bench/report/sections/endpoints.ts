/** What a decision costs over the number of endpoints that a policy names. */
import { paragraph, plot, table, type Section } from "../document.ts";
import type { MicroResult } from "../results.ts";
import { linePlot, type Line } from "../svg/line-plot.ts";
import { linearScale, logScale } from "../svg/scale.ts";
import { number, times } from "../words.ts";

const COLOURS = ["#dc2626", "#1d4ed8", "#7e22ce", "#15803d"];

function linesOf({ figures }: MicroResult, suffix: string): readonly Line[] {
  return [...Map.groupBy(figures, ({ addresses }) => addresses)].map(([addresses, own], index) => ({
    label: `${addresses}${suffix}`,
    points: own.map(({ endpoints, nanoseconds }) => [endpoints, nanoseconds] as const),
    dashed: suffix !== "",
    colour: COLOURS[index % COLOURS.length] ?? "#000000",
  }));
}

export function endpointsSection(micro: MicroResult, before: MicroResult | undefined, against = "before"): Section {
  const lines = [...linesOf(micro, ""), ...(before === undefined ? [] : linesOf(before, `, ${against}`))];
  const sizes = [...new Set(micro.figures.map(({ endpoints }) => endpoints))];
  const most = Math.max(...lines.flatMap(({ points }) => points.map(([, nanoseconds]) => nanoseconds)));
  const svg = linePlot({
    title: "One decision over the number of endpoints",
    x: {
      title: "endpoints, logarithmic",
      scale: (range) => {
        const scale = logScale(Math.min(...sizes), Math.max(...sizes), range);
        return { ...scale, ticks: sizes };
      },
    },
    y: { title: "ns", scale: (range) => linearScale(most, range) },
    lines,
  });
  const body = lines.map(({ label, points }) => {
    const values = points.map(([, nanoseconds]) => nanoseconds);
    return [label, ...values.map((value) => number(value)), times((values.at(-1) ?? 0) / (values[0] ?? 0))];
  });
  return {
    title: "Decision",
    blocks: [
      paragraph(
        "Nanoseconds a decision, folding of the address's text included, for addresses that were not judged before. What grows is the cost of memory: a million addresses do not fit into the processor's caches.",
      ),
      plot("endpoints", "Cost of a decision over the number of endpoints", svg),
      table(["addresses", ...sizes.map((size) => `${number(size)} endpoints`), "last, x first"], body),
    ],
  };
}
