/** What a new connection costs each contender, and the goals that Postern is held against. */
import { percentiles } from "../machine/percentiles.ts";
import { rounded } from "../machine/stamp.ts";
import { MOST_IDLE_KIB } from "../revocation/figures.ts";
import { MEASUREMENTS, type CpuMeasurement, type Measurement } from "./measurement.ts";

/** One contender in one round of one measurement. */
export interface Slice {
  readonly contender: string;
  readonly measurement: CpuMeasurement;
  readonly connections: number;
  /** CPU of the proxy's processes, microseconds. */
  readonly cpuUs: number;
  /** Connections that were refused after a whole handshake only. */
  readonly afterHandshake: number;
}

/** Microseconds a connection, or KiB; the spread is that of the rounds. */
export interface Figure {
  readonly contender: string;
  readonly measurement: Measurement;
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
  readonly connections: number;
  readonly remark?: string;
}

export interface Goal {
  readonly what: string;
  readonly limit: number;
  readonly unit: string;
  /** Absent where a figure is missing. */
  readonly value: number | undefined;
}

/** What it is compared with: as a multiple of HAProxy's, or of Postern's own full handshake. */
const MOST_TIMES_HAPROXY = 1.2;
const MOST_RESUMED = 0.4;
const MOST_REFUSED = 0.1;

/** The median of the rounds: a round that others on the machine disturbed counts for no more than one. */
export function figuresOf(slices: readonly Slice[]): readonly Figure[] {
  const groups = Map.groupBy(slices, ({ contender, measurement }) => `${contender} ${measurement}`).values();
  return [...groups].map((same) => {
    const { contender, measurement } = same[0]!;
    const costs = same.map(({ cpuUs, connections }) => cpuUs / connections);
    const total = (of: (slice: Slice) => number): number => same.reduce((sum, slice) => sum + of(slice), 0);
    return {
      contender,
      measurement,
      value: percentiles(costs).p50,
      lowest: rounded(Math.min(...costs)),
      highest: rounded(Math.max(...costs)),
      connections: total((slice) => slice.connections),
      ...(total((slice) => slice.afterHandshake) > 0 && { remark: "after the handshake" }),
    };
  });
}

function find(figures: readonly Figure[], contender: string, measurement: Measurement): Figure | undefined {
  return figures.find((one) => one.contender === contender && one.measurement === measurement);
}

/** @param suffix of the build that is judged, as its contenders are named */
export function goalsOf(figures: readonly Figure[], suffix = ""): readonly Goal[] {
  const postern = `postern${suffix}`;
  const value = (contender: string, measurement: Measurement): number | undefined =>
    find(figures, contender, measurement)?.value;
  const ratio = (own: number | undefined, other: number | undefined): number | undefined =>
    own === undefined || other === undefined ? undefined : rounded(own / other, 3);
  const versions = ["1.2", "1.3"] as const;
  return [
    ...versions.map((version) => ({
      what: `full handshake, TLS ${version}`,
      limit: MOST_TIMES_HAPROXY,
      unit: "x haproxy",
      value: ratio(value(postern, `full-${version}`), value("haproxy", `full-${version}`)),
    })),
    ...versions.map((version) => ({
      what: `resumed session, TLS ${version}`,
      limit: MOST_RESUMED,
      unit: "x full",
      value: ratio(value(`postern-resuming${suffix}`, `resumed-${version}`), value(postern, `full-${version}`)),
    })),
    {
      what: "refused address",
      limit: MOST_REFUSED,
      unit: "x full",
      value: ratio(value(postern, "refused"), value(postern, "full-1.3")),
    },
    { what: "idle connection", limit: MOST_IDLE_KIB, unit: "KiB", value: value(postern, "idle") },
  ];
}

/** Rows for `textTable`, their titles first. */
export function goalTable(goals: readonly Goal[]): readonly (readonly string[])[] {
  const rows = goals.map(({ what, limit, unit, value }) => [
    what,
    `at most ${limit} ${unit}`,
    value === undefined ? "-" : `${value.toFixed(2)} ${unit}`,
    value === undefined ? "not measured" : value <= limit ? "met" : "NOT MET",
  ]);
  return [["", "goal", "measured", ""], ...rows];
}

/** Microseconds a connection with the spread of its rounds, and KiB. */
export function figureTable(figures: readonly Figure[], contenders: readonly string[]): readonly (readonly string[])[] {
  const cell = (contender: string, measurement: Measurement): string => {
    const figure = find(figures, contender, measurement);
    if (figure === undefined) return "-";
    const { value, lowest, highest, remark } = figure;
    if (measurement === "idle") return value.toFixed(1);
    const mark = remark === undefined ? "" : "*";
    return `${value.toFixed(0)}${mark} (${lowest.toFixed(0)}-${highest.toFixed(0)})`;
  };
  return [["", ...MEASUREMENTS], ...contenders.map((name) => [name, ...MEASUREMENTS.map((what) => cell(name, what))])];
}

/** The same as multiples of one contender's. */
export function ratioTable(
  figures: readonly Figure[],
  contenders: readonly string[],
  rival: string,
): readonly (readonly string[])[] {
  const cell = (contender: string, measurement: Measurement): string => {
    const own = find(figures, contender, measurement)?.value;
    const other = find(figures, rival, measurement)?.value;
    return own === undefined || other === undefined ? "-" : (own / other).toFixed(2);
  };
  return [
    [`x ${rival}`, ...MEASUREMENTS],
    ...contenders.map((name) => [name, ...MEASUREMENTS.map((what) => cell(name, what))]),
  ];
}
