/** From a change to the end of the connections that lost their right by it. */
import { missesOf, MOST_MS } from "../../revocation/figures.ts";
import { paragraph, plot, table, type Block, type Section } from "../document.ts";
import type { PropagationResult, Results, RevocationResult } from "../results.ts";
import { rangePlot } from "../svg/range-plot.ts";
import { number, times } from "../words.ts";

function fromFiles({ options, figures }: RevocationResult): readonly Block[] {
  const { connections, violating, workers } = options;
  const rows = figures.map(({ title, closedMs }) => ({ label: title, ...closedMs }));
  const svg = rangePlot({ title: "From a change of files to the end", axis: "ms, logarithmic", rows, goal: MOST_MS });
  const body = figures.map((one) => [
    one.title,
    String(one.closed),
    ...[one.closedMs.p50, one.closedMs.p99, one.closedMs.max].map((value) => number(value)),
    String(one.wrong),
    times(one.timesQuiet),
    String(one.cpuMs),
    missesOf(one).join("; ") || "met",
  ]);
  return [
    paragraph(
      `${connections} kept mTLS connections on ${workers} data threads, ${violating} of which lose their right, under 500 requests a second of others. Milliseconds from the moment at which the file is about to be replaced, or the certificate ends, to the caller's seeing the end.`,
    ),
    plot("cut-files", "Milliseconds from a change of files to the end of connections", svg),
    table(["change", "closed", "p50", "p99", "highest", "wrongly", "others' p99", "CPU ms", "goals"], body),
  ];
}

function fromServer({ kind, rows, cost }: PropagationResult): readonly Block[] {
  const ranges = rows.map(({ change, sinceSentMs }) => ({ label: change, ...sinceSentMs }));
  const server = kind === "real" ? "a real API server" : "the tests' stand-in for an API server";
  const svg = rangePlot({ title: "From a write at the API server to the end", axis: "ms, logarithmic", rows: ranges });
  return [
    paragraph(
      `10,000 endpoints in 100 slices, followed at ${server}: milliseconds from the write to the end of the last connection of every data thread. One endpoint that comes or goes costs the sidecar ${number(cost["cpuMsPerFlip"] ?? Number.NaN)} ms of CPU and ${number((cost["downBytesPerFlip"] ?? Number.NaN) / 1_024)} KiB received.`,
    ),
    plot("cut-server", "Milliseconds from a write at the API server to the end of connections", svg),
  ];
}

export function cutSection({ revocation, propagation }: Results): Section {
  return {
    title: "Change to cut",
    blocks: [
      ...(revocation === undefined ? [] : fromFiles(revocation)),
      ...(propagation === undefined ? [] : fromServer(propagation)),
    ],
  };
}
