/** Times in the words of the page. */

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** One unit, rounded down: `3 min`; less than a second is `0 s`. @param ms negative counts as zero */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  const [size, name] = UNITS.find(([size]) => length >= size) ?? [1_000, "s"];
  return `${Math.floor(length / size)} ${name}`;
}

/** @param at milliseconds since the epoch; `undefined`: never */
export function ago(at: number | undefined, now: number): string {
  return at === undefined ? "never" : `${duration(now - at)} ago`;
}

/** RFC 3339, UTC, to the second. What is no time of the calendar is said to be none. */
export function moment(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "at no known time" : date.toISOString().replace(/\.\d+Z$/, "Z");
}
