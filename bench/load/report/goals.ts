/** What Postern is to cost beside its rivals in one saturated run, and whether it does. */
import { isUnmeasured, type Row, type Unmeasured } from "../measurements/figures.ts";
import type { Outcome } from "../measurements/measure-all.ts";
import { both, loadOf, type BodyKey, type LoadKey } from "./figure-of.ts";
import { difference } from "./noise.ts";
import { addedP99Ratio, bodyRatio, cpuRatio } from "./ratios.ts";
import { remarksOn } from "./remarks.ts";

export interface Goal {
  readonly what: string;
  readonly limit: number;
  readonly direction: "at most" | "at least";
  readonly unit: string;
  readonly value: number | Unmeasured;
  /** What makes the figures under it doubtful. */
  readonly remarks: readonly string[];
}

export type Verdict = "met" | "NOT MET" | "not measured";

export function verdictOf({ value, limit, direction }: Pick<Goal, "value" | "limit" | "direction">): Verdict {
  if (typeof value !== "number" || Number.isNaN(value)) return "not measured";
  return (direction === "at most" ? value <= limit : value >= limit) ? "met" : "NOT MET";
}

/** @param suffix of the build that is judged, as its contenders are named */
export function goalsOf({ rows, direct }: Pick<Outcome, "rows" | "direct">, suffix = ""): readonly Goal[] {
  const postern = `postern${suffix}`;
  const logged = `postern-log${suffix}`;
  const load = (contender: string, key: LoadKey) => loadOf(rows, contender, key);

  const cpu = (what: string, limit: number, rival: string, key: LoadKey): Goal => ({
    what: `${what}, CPU a request`,
    limit,
    direction: "at most",
    unit: `x ${rival}`,
    value: cpuRatio(rows, postern, rival, key),
    remarks: remarksOn(rows, [postern, rival], key, "saturated"),
  });
  const body = (what: string, key: BodyKey): Goal => ({
    what,
    limit: 0.8,
    direction: "at least",
    unit: "x nginx",
    value: bodyRatio(rows, postern, "nginx", key),
    remarks: remarksOn(rows, [postern, "nginx"], key, "any load"),
  });
  return [
    cpu("HTTP/1.1, no access log", 1.3, "nginx", "steady"),
    cpu("HTTP/1.1, no access log", 0.5, "envoy", "steady"),
    {
      what: "access log, CPU a request more",
      limit: 6,
      direction: "at most",
      unit: "us",
      value: both(load(logged, "steady"), load(postern, "steady"), (log, plain) =>
        difference(log.cpuUs, plain.cpuUs, "us"),
      ),
      remarks: remarksOn(rows, [logged, postern], "steady", "saturated"),
    },
    cpu("HTTP/2", 1, "envoy", "http2"),
    {
      what: "first seconds, CPU a request",
      limit: 1.7,
      direction: "at most",
      unit: "x steady",
      value: both(load(postern, "first"), load(postern, "steady"), (first, steady) => first.cpuUs / steady.cpuUs),
      remarks: remarksOn(rows, [postern], "first", "saturated"),
    },
    {
      what: "p99 added at the fixed rate",
      limit: 2,
      direction: "at most",
      unit: "x nginx",
      value: addedP99Ratio(rows, direct, postern, "nginx"),
      remarks: remarksOn(rows, [postern, "nginx"], "fixedRate", "any load"),
    },
    body("large body down", "bodyDown"),
    body("large body up", "bodyUp"),
  ];
}

export function goalTable(goals: readonly Goal[]): readonly (readonly string[])[] {
  return goals.map((goal) => {
    const { what, direction, limit, unit, value, remarks } = goal;
    const measured = typeof value === "number" ? `${value.toFixed(2)} ${unit}` : value.unmeasured;
    return [what, `${direction} ${limit} ${unit}`, measured, verdictOf(goal), remarks.join(", ")];
  });
}

/** Suffixes of the builds of Postern that were in a run. */
export function suffixesOf(rows: readonly Row[]): readonly string[] {
  const own = rows.filter(({ family, result }) => family === "postern" && !isUnmeasured(result));
  return own.map(({ contender, family }) => contender.slice(family.length));
}
