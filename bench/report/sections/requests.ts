/** CPU a request of every contender, load by load. */
import { isUnmeasured, type LoadFigure, type Row } from "../../load/measurements/figures.ts";
import { loadOf, type LoadKey } from "../../load/report/figure-of.ts";
import { cpuRatio } from "../../load/report/ratios.ts";
import { list, paragraph, plot, table, type Block, type Section } from "../document.ts";
import { currentRows, entriesOf, ranRows } from "../load-rows.ts";
import type { LoadResult } from "../results.ts";
import { barPlot } from "../svg/bar-plot.ts";
import { MARKS, marks, NONE, number, times } from "../words.ts";

const LOADS = [
  ["steady", "HTTP/1.1", "HTTP/1.1, warm, 32 kept TLS connections, GET, 28 bytes"],
  ["first", "first seconds", "HTTP/1.1 in the first seconds after the start"],
  ["mutual", "mTLS", "HTTP/1.1, warm, with a client certificate"],
  ["http2", "HTTP/2", "HTTP/2, warm, 4 connections of 8 streams"],
  ["handshakeFull", "handshake", "new mTLS connection, one request, close"],
] as const satisfies readonly (readonly [LoadKey, string, string])[];

const RIVAL = "nginx";

function note(rows: readonly Row[], contender: string, key: LoadKey, figure: LoadFigure): string {
  const ratio = times(cpuRatio(rows, contender, RIVAL, key));
  const mark = marks(figure);
  return [...(ratio === NONE ? [] : [`${ratio} ${RIVAL}`]), ...(mark === "" ? [] : [mark])].join(" ");
}

function bars(rows: readonly Row[], key: LoadKey, title: string): readonly Block[] {
  const measured = entriesOf(rows, key).flatMap(([label, figure]) =>
    isUnmeasured(figure) ? [] : [{ label, value: figure.cpuUs, note: note(rows, label, key, figure) }],
  );
  if (measured.length === 0) return [];
  const sorted = measured.toSorted((one, other) => one.value - other.value);
  const svg = barPlot({ title, axis: "CPU of the proxy, microseconds a request (less is better)", bars: sorted });
  return [plot(`cpu-${key}`, `CPU a request of each contender: ${title}`, svg)];
}

export function requestsSection(load: LoadResult): Section {
  const rows = currentRows(load);
  const body = ranRows(rows).map(({ contender }) => [
    contender,
    ...LOADS.map(([key]) => {
      const figure = loadOf(rows, contender, key);
      if (isUnmeasured(figure)) return NONE;
      return `${number(figure.cpuUs)} (${times(cpuRatio(rows, contender, RIVAL, key))})${marks(figure)}`;
    }),
  ]);
  const missing = LOADS.flatMap(([key, column]) => missingOf(rows, key, column));
  return {
    title: "CPU a request",
    blocks: [
      paragraph(
        `One contender at a time, alone on its core, as much load as it can take. Microseconds of CPU a request, and in parentheses times ${RIVAL}. ${MARKS}`,
      ),
      ...LOADS.filter(([key]) => key !== "first").flatMap(([key, , title]) => bars(rows, key, title)),
      table(["contender", ...LOADS.map(([, column]) => column)], body),
      ...(missing.length === 0 ? [] : [list(missing)]),
    ],
  };
}

/** One line for each reason, with all whom it concerns. */
function missingOf(rows: readonly Row[], key: LoadKey, column: string): readonly string[] {
  const missing = entriesOf(rows, key).flatMap(([contender, figure]) =>
    isUnmeasured(figure) ? [{ contender, reason: figure.unmeasured }] : [],
  );
  return [...Map.groupBy(missing, ({ reason }) => reason)].map(
    ([reason, all]) => `${column}, ${all.map(({ contender }) => contender).join(", ")}: ${reason}.`,
  );
}
