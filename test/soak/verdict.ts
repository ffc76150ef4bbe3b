/** What a long run comes to: rows with the rule that each is held to. */
import { SAMPLE_MS, type Sample } from "./sample.ts";

/** The last quarter of a run may need this much more than the second. */
export const MOST_GROWTH = 1.1;
/** In a run of an hour resident memory grew by an eighth in the first ten minutes and by nothing in the other fifty. */
const WARM_UP_MS = 600_000;
/** What is in each of the rows that show memory over time. */
const ROWS = 12;
/** What comes again and again must have come once by so many times its period: a busy machine may be late. */
const LATE = 3;
const NOT_SHOWN = "not in so short a run";

export interface TimedSample extends Sample {
  readonly minute: number;
}

export interface VerdictRow {
  readonly what: string;
  readonly measured: string | number;
  readonly rule: string;
  /** Absent where nothing is demanded. */
  readonly holds?: boolean;
  /** The run was too short to show it. */
  readonly notShown?: true;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const quarter = (samples: readonly Sample[], index: number): readonly Sample[] =>
  samples.slice(Math.floor((samples.length * index) / 4), Math.floor((samples.length * (index + 1)) / 4));

/**
 * Quarters are those of what is looked at: descriptors from the start on, resident memory after the heaps have grown to what
 * the callers need.
 *
 * @returns rows for both; without a sample in each quarter they hold nothing
 */
export function flatness(samples: readonly TimedSample[], lastedMs: number): readonly VerdictRow[] {
  const row = (what: string, fromMs: number, pick: (sample: Sample) => number): VerdictRow => {
    const seen = samples.filter(({ minute }) => minute * 60_000 >= fromMs);
    const [early, late] = [median(quarter(seen, 1).map(pick)), median(quarter(seen, 3).map(pick))];
    const rule = `the last is at most ${MOST_GROWTH} times the second: flat`;
    const named = { what: `${what}, medians of the second and the last quarter`, rule };
    if (seen.length < 4 && lastedMs < fromMs + 4 * SAMPLE_MS * LATE)
      return { ...named, measured: NOT_SHOWN, notShown: true };
    return { ...named, measured: `${early}, ${late}`, holds: late <= early * MOST_GROWTH };
  };
  return [
    row(`RSS in MiB after ${WARM_UP_MS / 60_000} minutes`, WARM_UP_MS, ({ rssMiB }) => rssMiB),
    row("descriptors", 0, ({ descriptors }) => descriptors),
  ];
}

/** A run that has not met something says nothing of it: it is wrong in one that was long enough, and never a pass. */
export function atLeastOne(what: string, count: number, periodMs: number, lastedMs: number): VerdictRow {
  const fromMs = periodMs * LATE;
  const rule = `at least one in ${(fromMs / 60_000).toFixed(1)} minutes`;
  if (count > 0 || lastedMs >= fromMs) return { what, measured: count, rule, holds: count > 0 };
  return { what, measured: `0: ${NOT_SHOWN}`, rule, notShown: true };
}

/** What stands below the table. */
export function conclusion(rows: readonly VerdictRow[]): string {
  const notShown = rows.filter((row) => row.notShown === true).map(({ what }) => what);
  const wrong = rows.some(({ holds }) => holds === false);
  const came = `${wrong ? "something" : "nothing"} came back wrong`;
  return notShown.length === 0 ? came : `${came}; the run was too short for: ${notShown.join(", ")}`;
}

export interface OverTime {
  readonly minutes: string;
  readonly "RSS MiB, median": number;
  readonly "RSS MiB, most": number;
  readonly "descriptors, most": number;
}

export function overTime(samples: readonly TimedSample[]): readonly OverTime[] {
  const each = Math.max(1, Math.ceil(samples.length / ROWS));
  const parts = Array.from({ length: Math.ceil(samples.length / each) }, (_, index) =>
    samples.slice(index * each, (index + 1) * each),
  );
  return parts.map((part) => ({
    minutes: `${part[0]?.minute.toFixed(1)} to ${part.at(-1)?.minute.toFixed(1)}`,
    "RSS MiB, median": median(part.map(({ rssMiB }) => rssMiB)),
    "RSS MiB, most": Math.max(...part.map(({ rssMiB }) => rssMiB)),
    "descriptors, most": Math.max(...part.map(({ descriptors }) => descriptors)),
  }));
}

/** The table as Markdown, so that it can be kept. */
export function verdictTable(rows: readonly VerdictRow[]): string {
  const words = (holds: boolean | undefined): string => (holds === undefined ? "" : holds ? "yes" : "**NO**");
  return [
    "| what | measured | rule | holds |",
    "|---|---|---|---|",
    ...rows.map(({ what, measured, rule, holds }) => `| ${what} | ${measured} | ${rule} | ${words(holds)} |`),
  ].join("\n");
}
