/** What is measured of each change, and the goals that it is held against. */
import { percentiles, type Percentiles } from "../machine/percentiles.ts";
import { rounded } from "../machine/stamp.ts";
import type { Answered } from "./steady.ts";

/** p99 from the change to the end of a connection, milliseconds. */
export const MOST_MS = 250;
/** p99 of the steady load during a change, as a multiple of the quiet one. */
export const MOST_TIMES_QUIET = 2;
/** Memory of an idle mTLS connection, KiB. */
export const MOST_IDLE_KIB = 45;
/** Before the change that the load is taken for quiet. */
export const QUIET_MS = 3_000;
/** After the change that the load is looked at, or until the last connection is closed. */
const DURING_MS = 1_000;
/** A request that was due just before the change may be served after it. */
const GUARD_MS = 100;

/** One change, made once. */
export interface Round {
  readonly title: string;
  /** From the change to the end of each violating connection, milliseconds. */
  readonly closedMs: readonly number[];
  readonly quietMs: readonly number[];
  readonly duringMs: readonly number[];
  /** CPU of the sidecar from the change to the end of the last of them, the steady load included; milliseconds. */
  readonly cpuMs: number;
  /** Other connections that were closed. */
  readonly wrong: number;
}

export interface ChangeFigures {
  readonly title: string;
  readonly rounds: number;
  readonly closed: number;
  readonly closedMs: Percentiles;
  readonly wrong: number;
  readonly quietMs: Percentiles;
  readonly duringMs: Percentiles;
  readonly timesQuiet: number;
  /** Mean of the rounds. */
  readonly cpuMs: number;
}

/** @param changedAt on the clock of the machine, as all other times */
export function roundOf(
  title: string,
  changedAt: number,
  seen: Pick<Round, "wrong" | "cpuMs"> & { readonly ends: readonly number[]; readonly answered: readonly Answered[] },
): Round {
  const { ends, answered, wrong, cpuMs } = seen;
  const until = ends.reduce((latest, end) => Math.max(latest, end), changedAt + DURING_MS);
  const between = (from: number, to: number): readonly number[] =>
    answered.filter(([dueAt]) => dueAt >= from && dueAt < to).map(([, latencyMs]) => latencyMs);
  return {
    title,
    closedMs: ends.map((end) => end - changedAt),
    quietMs: between(changedAt - QUIET_MS, changedAt - GUARD_MS),
    duringMs: between(changedAt, until),
    wrong,
    cpuMs,
  };
}

export function figuresOf(rounds: readonly Round[]): readonly ChangeFigures[] {
  return [...Map.groupBy(rounds, ({ title }) => title)].map(([title, same]) => {
    const closedMs = same.flatMap((round) => round.closedMs);
    const quietMs = percentiles(same.flatMap((round) => round.quietMs));
    const duringMs = percentiles(same.flatMap((round) => round.duringMs));
    return {
      title,
      rounds: same.length,
      closed: closedMs.length,
      closedMs: percentiles(closedMs),
      wrong: same.reduce((sum, round) => sum + round.wrong, 0),
      quietMs,
      duringMs,
      cpuMs: rounded(same.reduce((total, round) => total + round.cpuMs, 0) / same.length, 0),
      timesQuiet: rounded(duringMs.p99 / quietMs.p99, 2),
    };
  });
}

/** What a change misses, in words; empty where it misses nothing. */
export function missesOf({ closedMs, timesQuiet, wrong }: ChangeFigures): readonly string[] {
  return [
    ...(closedMs.p99 <= MOST_MS ? [] : [`p99 above ${MOST_MS} ms`]),
    ...(timesQuiet <= MOST_TIMES_QUIET ? [] : [`steady p99 above ${MOST_TIMES_QUIET} x quiet`]),
    ...(wrong === 0 ? [] : [`${wrong} others closed`]),
  ];
}

/** Rows for `textTable`, their titles first. */
export function tableOf(figures: readonly ChangeFigures[]): readonly (readonly string[])[] {
  const ms = ({ p50, p99, max }: Percentiles): readonly string[] => [p50, p99, max].map((value) => value.toFixed(1));
  const head = [
    "ms",
    "closed",
    "p50",
    "p99",
    "max",
    "wrong",
    "quiet p50",
    "p99",
    "max",
    "during p50",
    "p99",
    "max",
    "x quiet",
    "CPU",
    "",
  ];
  const rows = figures.map((one) => [
    one.title,
    String(one.closed),
    ...ms(one.closedMs),
    String(one.wrong),
    ...ms(one.quietMs),
    ...ms(one.duringMs),
    one.timesQuiet.toFixed(2),
    String(one.cpuMs),
    missesOf(one).join("; ") || "met",
  ]);
  return [head, ...rows];
}
