/** All figures of a run, a table for each kind of load. */
import {
  isUnmeasured,
  DISTURBED,
  SATURATED,
  type BodyFigure,
  type Figures,
  type LoadFigure,
  type Maybe,
  type MemoryFigure,
  type Row,
} from "../measurements/figures.ts";
import type { Outcome } from "../measurements/measure-all.ts";
import type { BodyKey, LoadKey } from "./figure-of.ts";
import { textTable } from "./text-table.ts";

type Measured = Row & { readonly result: Figures };

const percent = (share: number, mark: string): string => `${(share * 100).toFixed(0)} %${mark}`;
const coreCells = ({ busy, others }: { readonly busy: number; readonly others: number }): readonly string[] => [
  percent(busy, busy < SATURATED ? " *" : "  "),
  percent(others, others > DISTURBED ? " !" : "  "),
];

function row<Figure extends object>(
  name: string,
  figure: Maybe<Figure>,
  cells: (figure: Figure) => readonly string[],
): readonly string[] {
  return isUnmeasured(figure) ? [name, "-"] : [name, ...cells(figure)];
}

/** Reasons below the table, so that none is lost and none breaks its columns. */
function table<Figure extends object>(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly [name: string, figure: Maybe<Figure>])[],
  cells: (figure: Figure) => readonly string[],
): string {
  const body = rows.map(([name, figure]) => row(name, figure, cells));
  const reasons = rows.flatMap(([name, figure]) => (isUnmeasured(figure) ? [`  ${name}: ${figure.unmeasured}`] : []));
  return [`\n${title}`, textTable(["", ...columns], body), ...reasons].join("\n");
}

function loadTable(title: string, rows: readonly Measured[], key: LoadKey): string {
  const columns = ["CPU us/request", "requests/s", "proxy busy", "others", "generator", "its us/request"];
  const figures = rows.map(({ contender, result }) => [contender, result[key]] as const);
  return table<LoadFigure>(title, columns, figures, (figure) => [
    figure.cpuUs.toFixed(1),
    figure.perSecond.toFixed(0),
    ...coreCells(figure),
    figure.generator,
    figure.generatorUs.toFixed(1),
  ]);
}

function rateTable(title: string, rows: readonly Measured[], direct: Maybe<LoadFigure>): string {
  const columns = ["p50 ms", "p99 ms", "CPU us/request", "requests/s", "others", "generator", "its us/request"];
  const figures = rows.map(({ contender, result }) => [contender, result.fixedRate] as const);
  const all = [["(application alone)", direct] as const, ...figures];
  return table<LoadFigure>(title, columns, all, ({ latency, cpuUs, perSecond, others, generator, generatorUs }) => [
    latency?.p50.toFixed(2) ?? "?",
    latency?.p99.toFixed(2) ?? "?",
    cpuUs.toFixed(1),
    perSecond.toFixed(0),
    percent(others, others > DISTURBED ? " !" : "  "),
    generator,
    generatorUs.toFixed(1),
  ]);
}

function bodyTable(title: string, rows: readonly Measured[], key: BodyKey): string {
  const columns = ["MiB/s", "CPU us/MiB", "proxy busy", "others", "curl's us/MiB"];
  const figures = rows.map(({ contender, result }) => [contender, result[key]] as const);
  return table<BodyFigure>(title, columns, figures, (figure) => [
    figure.mibPerSecond.toFixed(0),
    figure.cpuUs.toFixed(0),
    ...coreCells(figure),
    figure.generatorUs.toFixed(0),
  ]);
}

function memoryTable(rows: readonly Measured[]): string {
  const columns = ["MiB at start", "MiB after load", "KiB/idle connection"];
  const figures = rows.map(({ contender, result }) => [contender, result.memory] as const);
  return table<MemoryFigure>("Resident memory", columns, figures, ({ startMiB, loadedMiB, kibPerConnection }) => [
    startMiB.toFixed(1),
    loadedMiB.toFixed(1),
    kibPerConnection.toFixed(1),
  ]);
}

const LOADS: readonly (readonly [LoadKey, string])[] = [
  ["steady", "HTTP/1.1 over 32 kept TLS connections, GET, 28 bytes, warm"],
  ["first", "The same in the first seconds after the start"],
  ["mutual", "The same with a client certificate"],
  ["autocannon", "autocannon, no client certificate"],
  ["autocannonMutual", "autocannon with a client certificate"],
  ["http2", "HTTP/2, 4 connections, 8 streams each"],
  ["handshakeFull", "New mTLS connection and one request"],
  ["handshakeResumed", "Resumed mTLS connection and one request"],
];

export function figureTables({ rows, direct, application }: Outcome): string {
  const measured = rows.filter((row): row is Measured => !isUnmeasured(row.result));
  const not = rows.flatMap(({ contender, result }) =>
    isUnmeasured(result) ? [`not measured: ${contender}: ${result.unmeasured}`] : [],
  );
  return [
    `application: ${application}`,
    "* the proxy was not saturated: the load's core set the rate; read the CPU",
    "! other processes had more than a little of the proxy's core: the figure is not worth much",
    ...not,
    ...LOADS.map(([key, title]) => loadTable(title, measured, key)),
    rateTable("Fixed rate in an open loop, with a client certificate", measured, direct),
    bodyTable("Large body down, mTLS", measured, "bodyDown"),
    bodyTable("Large body up, mTLS", measured, "bodyUp"),
    memoryTable(measured),
  ].join("\n");
}
