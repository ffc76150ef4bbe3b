/** Postern beside the best of its rivals, figure by figure, as plainly where it loses as where it wins. Pure. */
import { isUnmeasured, type Figures, type Maybe, type Row } from "../load/measurements/figures.ts";
import { figuresOf, type LoadKey } from "../load/report/figure-of.ts";
import { remarksOn } from "../load/report/remarks.ts";

export interface Beside {
  readonly what: string;
  readonly unit: string;
  readonly own: number;
  readonly rival: string;
  readonly rivalValue: number;
  /** Above 1 Postern is dearer, slower or larger. */
  readonly ratio: number;
  readonly remarks: readonly string[];
}

export type Outcome = "wins" | "even" | "loses";

/** Less than runs of one day differ by. */
const NOISE = 0.05;

export function outcomeOf({ ratio }: Pick<Beside, "ratio">): Outcome {
  if (ratio > 1 + NOISE) return "loses";
  return ratio < 1 - NOISE ? "wins" : "even";
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

/** @returns the worst for Postern first */
export function besideTheBest(rows: readonly Row[]): readonly Beside[] {
  return CLASSES.flatMap(({ own, rivals }) =>
    MEASURES.flatMap((measure): Beside[] => {
      const value = valueOf(rows, own, measure);
      const others = rivals
        .flatMap((rival) => {
          const rivalValue = valueOf(rows, rival, measure);
          return rivalValue === undefined ? [] : [{ rival, rivalValue }];
        })
        .toSorted((one, other) => one.rivalValue - other.rivalValue);
      const [best] = others;
      if (value === undefined || best === undefined) return [];
      const { what, unit, doubts } = measure;
      const remarks = doubts === undefined ? [] : remarksOn(rows, [own, best.rival], ...doubts);
      return [{ what: `${own}: ${what}`, unit, own: value, ...best, ratio: value / best.rivalValue, remarks }];
    }),
  ).toSorted((one, other) => other.ratio - one.ratio);
}
