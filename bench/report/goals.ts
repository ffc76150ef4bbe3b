/** Every goal that a report's figures can be held against: those of the load bench, and those of the other suites. */
import { goalsOf as goalsOfConnections } from "../handshake/figures.ts";
import type { Row, Unmeasured } from "../load/measurements/figures.ts";
import type { BodyKey } from "../load/report/figure-of.ts";
import { goalsOf, type Goal } from "../load/report/goals.ts";
import { bodyRatio, cpuRatio } from "../load/report/ratios.ts";
import { remarksOn } from "../load/report/remarks.ts";
import { MOST_IDLE_KIB, MOST_MS, MOST_TIMES_QUIET } from "../revocation/figures.ts";
import { currentRows } from "./load-rows.ts";
import type { HandshakeResult, LoadResult, MicroResult, Results, RevocationResult, StartResult } from "./results.ts";

const STREAM = "postern-stream";
const COPIER = "haproxy-tcp";

function streamGoals(rows: readonly Row[]): readonly Goal[] {
  const body = (what: string, key: BodyKey): Goal => ({
    what: `stream, ${what}`,
    limit: 0.9,
    direction: "at least",
    unit: `x ${COPIER}`,
    value: bodyRatio(rows, STREAM, COPIER, key),
    remarks: remarksOn(rows, [STREAM, COPIER], key, "any load"),
  });
  return [
    {
      what: "stream, CPU a request",
      limit: 1,
      direction: "at most",
      unit: `x ${COPIER}`,
      value: cpuRatio(rows, STREAM, COPIER, "steady"),
      remarks: remarksOn(rows, [STREAM, COPIER], "steady", "saturated"),
    },
    body("large body down", "bodyDown"),
    body("large body up", "bodyUp"),
  ];
}

function most(what: string, limit: number, unit: string, value: number | Unmeasured): Goal {
  const measured = typeof value === "number" && !Number.isFinite(value) ? { unmeasured: "not in this run" } : value;
  return { what, limit, direction: "at most", unit, value: measured, remarks: [] };
}

function decisionGoals({ figures }: MicroResult): readonly Goal[] {
  const listed = figures.filter(({ addresses }) => addresses === "listed");
  const at = (size: number): number => listed.find(({ endpoints }) => endpoints === size)?.nanoseconds ?? Number.NaN;
  return [most("decision at 1,000,000 endpoints", 1.5, "x that of 100", at(1_000_000) / at(100))];
}

function startGoals({ figures }: StartResult): readonly Goal[] {
  const of = (source: string) => figures.find((figure) => figure.source === source);
  return [
    most("ready, by manifests", 300, "ms", of("manifests")?.readyMs ?? Number.NaN),
    most("resident, with an API server", 82, "MiB", of("kubernetes")?.residentMiB ?? Number.NaN),
  ];
}

function connectionGoals({ figures }: HandshakeResult): readonly Goal[] {
  return goalsOfConnections(figures).map(({ what, limit, unit, value }) =>
    most(`connections: ${what}`, limit, unit, value ?? Number.NaN),
  );
}

function revocationGoals({ figures, idleKiB }: RevocationResult): readonly Goal[] {
  const highest = (values: readonly number[]): number => Math.max(...values);
  return [
    most(
      "change to cut, p99 of the slowest change",
      MOST_MS,
      "ms",
      highest(figures.map(({ closedMs }) => closedMs.p99)),
    ),
    most(
      "others' p99 during a change",
      MOST_TIMES_QUIET,
      "x quiet",
      highest(figures.map(({ timesQuiet }) => timesQuiet)),
    ),
    most(
      "connections of others that were closed",
      0,
      "",
      figures.reduce((sum, { wrong }) => sum + wrong, 0),
    ),
    most("an idle connection", MOST_IDLE_KIB, "KiB", idleKiB),
  ];
}

function loadGoals(load: LoadResult): readonly Goal[] {
  const rows = currentRows(load);
  return [...goalsOf({ rows, direct: load.direct }), ...streamGoals(rows)];
}

export function reportGoals({ load, micro, start, handshake, revocation }: Results): readonly Goal[] {
  return [
    ...(load === undefined ? [] : loadGoals(load)),
    ...(micro === undefined ? [] : decisionGoals(micro)),
    ...(start === undefined ? [] : startGoals(start)),
    ...(handshake === undefined ? [] : connectionGoals(handshake)),
    ...(revocation === undefined ? [] : revocationGoals(revocation)),
  ];
}
