/** Postern beside each of its rivals, figure by figure, as plainly where it loses as where it wins. Pure. */
import { isUnmeasured, type Figures, type Maybe, type Row } from "../load/measurements/figures.ts";
import { figuresOf, type LoadKey } from "../load/report/figure-of.ts";
import { NOISE } from "../load/report/noise.ts";
import { remarksOn } from "../load/report/remarks.ts";

export interface Rival {
  readonly name: string;
  readonly value: number;
  /** Above 1 Postern is dearer, slower or larger. */
  readonly ratio: number;
}

export interface Beside {
  readonly what: string;
  readonly unit: string;
  readonly own: number;
  /** The best first. */
  readonly rivals: readonly Rival[];
  readonly remarks: readonly string[];
}

export type Verdict = "better" | "even" | "worse";

export function verdictOn(ratio: number): Verdict {
  if (ratio > 1 + NOISE) return "worse";
  return ratio < 1 - NOISE ? "better" : "even";
}

/** @returns whom Postern loses to, is even with and beats, in that order */
export function outcomeOf({ rivals }: Pick<Beside, "rivals">): string {
  const names = (wanted: Verdict): string =>
    rivals
      .filter(({ ratio }) => verdictOn(ratio) === wanted)
      .map(({ name }) => name)
      .join(", ");
  const parts = [
    ["loses to", names("worse")],
    ["even with", names("even")],
    ["wins against", names("better")],
  ] as const;
  return parts
    .filter(([, who]) => who !== "")
    .map(([verb, who]) => `${verb} ${who}`)
    .join("; ");
}

interface Measure {
  readonly what: string;
  readonly unit: string;
  /** Less is better; `undefined` where it was not measured. */
  readonly of: (figures: Figures) => number | undefined;
  readonly doubts?: readonly [key: LoadKey | "bodyDown" | "bodyUp", load: "saturated" | "any load"];
}

/** Of what reads and rewrites requests, and of what copies bytes: each beside its like. */
const CLASSES: readonly { readonly own: string; readonly rivals: readonly string[] }[] = [
  { own: "postern", rivals: ["nginx", "haproxy", "envoy", "http-proxy"] },
  { own: "postern-log", rivals: ["envoy-log"] },
  { own: "postern-stream", rivals: ["haproxy-tcp", "envoy-tcp", "ghostunnel"] },
];

function figure<Figure extends object>(
  maybe: Maybe<Figure>,
  pick: (figure: Figure) => number | undefined,
): number | undefined {
  return isUnmeasured(maybe) ? undefined : pick(maybe);
}

function cpu(what: string, key: LoadKey): Measure {
  const of = (figures: Figures): number | undefined => figure(figures[key], ({ cpuUs }) => cpuUs);
  return { what: `CPU a request, ${what}`, unit: "us", of, doubts: [key, "saturated"] };
}

const MEASURES: readonly Measure[] = [
  cpu("HTTP/1.1", "steady"),
  cpu("first seconds", "first"),
  cpu("mTLS", "mutual"),
  cpu("HTTP/2", "http2"),
  cpu("new mTLS connection", "handshakeFull"),
  {
    what: "p99 at the fixed rate",
    unit: "ms",
    of: ({ fixedRate }) => figure(fixedRate, ({ latency }) => latency?.p99),
    doubts: ["fixedRate", "any load"],
  },
  {
    what: "CPU a MiB, large body down",
    unit: "us",
    of: ({ bodyDown }) => figure(bodyDown, ({ cpuUs }) => cpuUs),
    doubts: ["bodyDown", "any load"],
  },
  {
    what: "CPU a MiB, large body up",
    unit: "us",
    of: ({ bodyUp }) => figure(bodyUp, ({ cpuUs }) => cpuUs),
    doubts: ["bodyUp", "any load"],
  },
  { what: "resident after load", unit: "MiB", of: ({ memory }) => memory.loadedMiB },
  { what: "an idle connection", unit: "KiB", of: ({ memory }) => memory.kibPerConnection },
];

function valueOf(rows: readonly Row[], contender: string, { of }: Measure): number | undefined {
  const figures = figuresOf(rows, contender);
  const value = isUnmeasured(figures) ? undefined : of(figures);
  return value !== undefined && Number.isFinite(value) && value > 0 ? value : undefined;
}

function rivalsOf(rows: readonly Row[], own: number, names: readonly string[], measure: Measure): readonly Rival[] {
  return names
    .flatMap((name) => {
      const value = valueOf(rows, name, measure);
      return value === undefined ? [] : [{ name, value, ratio: own / value }];
    })
    .toSorted((one, other) => one.value - other.value);
}

/** @returns the worst for Postern first */
export function besideRivals(rows: readonly Row[]): readonly Beside[] {
  return CLASSES.flatMap(({ own, rivals: names }) =>
    MEASURES.flatMap((measure): Beside[] => {
      const value = valueOf(rows, own, measure);
      if (value === undefined) return [];
      const rivals = rivalsOf(rows, value, names, measure);
      if (rivals.length === 0) return [];
      const { what, unit, doubts } = measure;
      const all = [own, ...rivals.map(({ name }) => name)];
      const remarks = doubts === undefined ? [] : remarksOn(rows, all, ...doubts);
      return [{ what: `${own}: ${what}`, unit, own: value, rivals, remarks }];
    }),
  ).toSorted((one, other) => (other.rivals[0]?.ratio ?? 0) - (one.rivals[0]?.ratio ?? 0));
}
