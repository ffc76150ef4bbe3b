/** Resident memory over the number of idle connections. */
import { isUnmeasured, type MemoryFigure } from "../../load/measurements/figures.ts";
import { paragraph, plot, table, type Block, type Section } from "../document.ts";
import { currentRows, entriesOf } from "../load-rows.ts";
import type { Results } from "../results.ts";
import { linePlot, type Line } from "../svg/line-plot.ts";
import { linearScale } from "../svg/scale.ts";
import { number, times } from "../words.ts";

type Entry = readonly [contender: string, figure: MemoryFigure];

function plotOf(entries: readonly Entry[]): readonly Block[] {
  const lines = entries.flatMap(([label, { overConnections = [] }]): Line[] => {
    const points = overConnections.map(({ connections, mib }) => [connections, mib] as const);
    return points.length === 0 ? [] : [{ label, points }];
  });
  if (lines.length === 0) return [];
  const most = (pick: 0 | 1): number => Math.max(...lines.flatMap(({ points }) => points.map((point) => point[pick])));
  const svg = linePlot({
    title: "Resident memory over idle mTLS connections",
    x: { title: "connections, each idle after one request", scale: (range) => linearScale(most(0), range) },
    y: { title: "MiB", scale: (range) => linearScale(most(1), range) },
    lines,
  });
  return [plot("memory", "Resident memory of each contender over its number of idle connections", svg)];
}

export function memorySection({ load, revocation }: Results): Section {
  const entries = (load === undefined ? [] : entriesOf(currentRows(load), "memory")).flatMap(
    ([contender, figure]): Entry[] => (isUnmeasured(figure) ? [] : [[contender, figure]]),
  );
  const nginx = entries.find(([contender]) => contender === "nginx")?.[1];
  const body = entries.map(([contender, { startMiB, loadedMiB, kibPerConnection }]) => [
    contender,
    number(startMiB),
    number(loadedMiB),
    number(kibPerConnection),
    times(kibPerConnection / (nginx?.kibPerConnection ?? Number.NaN)),
  ]);
  return {
    title: "Memory",
    blocks: [
      paragraph(
        "Here Postern runs from its sources, which hold some 50 MiB more than the bundle of the image and the package; the bundle's figures are under Start.",
      ),
      ...plotOf(entries),
      ...(body.length === 0
        ? []
        : [
            table(["contender", "MiB at start", "MiB after all load", "KiB an idle connection", "that, x nginx"], body),
          ]),
      ...(revocation === undefined
        ? []
        : [
            paragraph(
              `Among ${revocation.options.connections} connections, an idle one of Postern's holds ${number(revocation.idleKiB)} KiB.`,
            ),
          ]),
    ],
  };
}
