/** This checkout beside a baseline that was measured in the same run. Pure. */
import { isUnmeasured, type Row } from "../load/measurements/figures.ts";
import { figuresOf, type BodyKey, type LoadKey } from "../load/report/figure-of.ts";
import { remarksOn } from "../load/report/remarks.ts";
import { plainRows } from "./load-rows.ts";
import type { LoadResult, MicroResult, Results, StartResult } from "./results.ts";

export interface Pair {
  readonly what: string;
  readonly unit: string;
  readonly before: number;
  readonly after: number;
  /** What makes either of them doubtful. */
  readonly remarks: readonly string[];
}

const LOADS: readonly (readonly [LoadKey, string])[] = [
  ["steady", "HTTP/1.1"],
  ["first", "first seconds"],
  ["mutual", "mTLS"],
  ["http2", "HTTP/2"],
  ["handshakeFull", "new mTLS connection"],
];

/** Less is better in each. */
function loadPairs(load: LoadResult): readonly Pair[] {
  const suffix = load.builds[1]?.suffix;
  if (suffix === undefined) return [];
  const rows = plainRows(load);
  return ["postern", "postern-log", "postern-stream"].flatMap((family) => pairsOf(rows, family, family + suffix));
}

function pairsOf(rows: readonly Row[], own: string, other: string): readonly Pair[] {
  const [after, before] = [figuresOf(rows, own), figuresOf(rows, other)];
  if (isUnmeasured(after) || isUnmeasured(before)) return [];
  const pairs: Pair[] = [];
  const add = (
    what: string,
    unit: string,
    old: number | undefined,
    current: number | undefined,
    remarks: readonly string[] = [],
  ): void => {
    if (old !== undefined && current !== undefined)
      pairs.push({ what: `${own}: ${what}`, unit, before: old, after: current, remarks });
  };
  const doubts = (key: LoadKey | BodyKey, load: "saturated" | "any load"): readonly string[] =>
    remarksOn(rows, [own, other], key, load);
  const cpu = (figures: typeof after, key: LoadKey | BodyKey): number | undefined =>
    isUnmeasured(figures[key]) ? undefined : figures[key].cpuUs;
  const p99 = ({ fixedRate }: typeof after): number | undefined =>
    isUnmeasured(fixedRate) ? undefined : fixedRate.latency?.p99;
  for (const [key, name] of LOADS)
    add(`CPU a request, ${name}`, "us", cpu(before, key), cpu(after, key), doubts(key, "saturated"));
  add("p99 at the fixed rate", "ms", p99(before), p99(after), doubts("fixedRate", "any load"));
  for (const [key, way] of [
    ["bodyDown", "down"],
    ["bodyUp", "up"],
  ] as const)
    add(`CPU a MiB, large body ${way}`, "us", cpu(before, key), cpu(after, key), doubts(key, "any load"));
  add("resident after load", "MiB", before.memory.loadedMiB, after.memory.loadedMiB);
  add("an idle connection", "KiB", before.memory.kibPerConnection, after.memory.kibPerConnection);
  return pairs;
}

function microPairs(after: MicroResult, before: MicroResult): readonly Pair[] {
  return after.figures.flatMap(({ endpoints, addresses, nanoseconds }) => {
    const old = before.figures.find((figure) => figure.endpoints === endpoints && figure.addresses === addresses);
    const what = `decision, ${addresses}, ${endpoints} endpoints`;
    return old === undefined ? [] : [{ what, unit: "ns", before: old.nanoseconds, after: nanoseconds, remarks: [] }];
  });
}

function startPairs({ figures }: StartResult): readonly Pair[] {
  const [own, other] = [...new Set(figures.map(({ bundle }) => bundle))];
  if (other === undefined) return [];
  return figures
    .filter(({ bundle }) => bundle === own)
    .flatMap((after) => {
      const before = figures.find(({ bundle, source }) => bundle === other && source === after.source);
      if (before === undefined) return [];
      const of = (what: string, unit: string, key: "cpuMs" | "readyMs" | "residentMiB"): Pair => ({
        what: `start, ${after.source}: ${what}`,
        unit,
        before: before[key],
        after: after[key],
        remarks: [],
      });
      return [of("until ready", "ms", "readyMs"), of("CPU", "ms", "cpuMs"), of("resident", "MiB", "residentMiB")];
    });
}

/** @returns every figure that both have */
export function pairsAgainst({ load, micro, microBefore, start }: Results): readonly Pair[] {
  return [
    ...(load === undefined ? [] : loadPairs(load)),
    ...(micro === undefined || microBefore === undefined ? [] : microPairs(micro, microBefore)),
    ...(start === undefined ? [] : startPairs(start)),
  ];
}
