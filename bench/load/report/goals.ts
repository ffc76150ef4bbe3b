/** What Postern is to cost beside its rivals in one saturated run, and whether it does. */
import { isUnmeasured, type Row, type Unmeasured } from "../measurements/figures.ts";
import type { Outcome } from "../measurements/measure-all.ts";
import { both, loadOf } from "./figure-of.ts";
import { addedP99Ratio, bodyRatio, cpuRatio } from "./ratios.ts";

export interface Goal {
  readonly what: string;
  readonly limit: number;
  readonly direction: "at most" | "at least";
  readonly unit: string;
  readonly value: number | Unmeasured;
}

export type Verdict = "met" | "NOT MET" | "not measured";

export function verdictOf({ value, limit, direction }: Goal): Verdict {
  if (typeof value !== "number" || Number.isNaN(value)) return "not measured";
  return (direction === "at most" ? value <= limit : value >= limit) ? "met" : "NOT MET";
}

const atMost = (what: string, limit: number, unit: string, value: Goal["value"]): Goal => ({
  what,
  limit,
  direction: "at most",
  unit,
  value,
});
const atLeast = (what: string, limit: number, unit: string, value: Goal["value"]): Goal => ({
  ...atMost(what, limit, unit, value),
  direction: "at least",
});

/** @param suffix of the build that is judged, as its contenders are named */
export function goalsOf({ rows, direct }: Pick<Outcome, "rows" | "direct">, suffix = ""): readonly Goal[] {
  const postern = `postern${suffix}`;
  const logged = `postern-log${suffix}`;
  const cpu = (rival: string, key: "steady" | "http2"): Goal["value"] => cpuRatio(rows, postern, rival, key);
  const logPrice = both(
    loadOf(rows, logged, "steady"),
    loadOf(rows, postern, "steady"),
    (log, plain) => log.cpuUs - plain.cpuUs,
  );
  const cold = both(
    loadOf(rows, postern, "first"),
    loadOf(rows, postern, "steady"),
    (first, steady) => first.cpuUs / steady.cpuUs,
  );
  return [
    atMost("HTTP/1.1, CPU a request, no access log", 1.3, "x nginx", cpu("nginx", "steady")),
    atMost("HTTP/1.1, CPU a request, no access log", 0.5, "x envoy", cpu("envoy", "steady")),
    atMost("access log, CPU a request more", 6, "us", logPrice),
    atMost("HTTP/2, CPU a request", 1, "x envoy", cpu("envoy", "http2")),
    atMost("first seconds, CPU a request", 1.7, "x steady", cold),
    atMost("added p99 at the fixed rate", 2, "x nginx", addedP99Ratio(rows, direct, postern, "nginx")),
    atLeast("large body down", 0.8, "x nginx", bodyRatio(rows, postern, "nginx", "bodyDown")),
    atLeast("large body up", 0.8, "x nginx", bodyRatio(rows, postern, "nginx", "bodyUp")),
  ];
}

export function goalTable(goals: readonly Goal[]): readonly (readonly string[])[] {
  return goals.map((goal) => {
    const { what, direction, limit, unit, value } = goal;
    const measured = typeof value === "number" ? `${value.toFixed(2)} ${unit}` : value.unmeasured;
    return [what, `${direction} ${limit} ${unit}`, measured, verdictOf(goal)];
  });
}

/** Suffixes of the builds of Postern that were in a run. */
export function suffixesOf(rows: readonly Row[]): readonly string[] {
  const own = rows.filter(({ family, result }) => family === "postern" && !isUnmeasured(result));
  return own.map(({ contender, family }) => contender.slice(family.length));
}
