/** From values to pixels, and the values that an axis names. */

export interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

export type Range = readonly [from: number, to: number];

/** @returns steps of 1, 2 or 5 times a power of ten from 0 on, about `count` of them, the last not below `most` */
export function linearTicks(most: number, count = 5): readonly number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999) ?? 10 * power;
  return Array.from({ length: Math.ceil((most / step) * 0.999) + 1 }, (_, index) =>
    Number((index * step).toPrecision(12)),
  );
}

/** A linear scale from 0. @param most of the values */
export function linearScale(most: number, [from, to]: Range, count?: number): Scale {
  const ticks = linearTicks(most, count);
  const end = ticks.at(-1) ?? 1;
  return { ticks, at: (value) => from + (value / end) * (to - from) };
}

/**
 * A logarithmic scale that begins and ends where values do, named at 1, 2 and 5 times the powers of ten, or at the powers
 * alone where those would be too many.
 * @param least above 0
 */
export function logScale(least: number, most: number, [from, to]: Range): Scale {
  const [low, high] = [Math.log10(least), Math.log10(Math.max(most, least * 1.5))];
  const decades = Array.from(
    { length: Math.ceil(high) - Math.floor(low) + 1 },
    (_, index) => 10 ** (Math.floor(low) + index),
  );
  const factors = high - low > 3 ? [1] : [1, 2, 5];
  const ticks = decades
    .flatMap((decade) => factors.map((factor) => Number((factor * decade).toPrecision(12))))
    .filter((tick) => tick >= least * 0.999 && tick <= 10 ** high * 1.001);
  return { ticks, at: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from) };
}

/** Moves labels apart that would lie upon each other, as little as may be. @returns places in the order of `wanted` */
export function apart(wanted: readonly number[], gap: number, [lowest, highest]: Range): readonly number[] {
  const order = wanted.map((place, index) => ({ place, index })).toSorted((one, other) => one.place - other.place);
  let last = lowest - gap;
  for (const label of order) last = label.place = Math.max(label.place, last + gap);
  let next = highest + gap;
  for (const label of order.toReversed()) next = label.place = Math.min(label.place, next - gap);
  return order.toSorted((one, other) => one.index - other.index).map(({ place }) => place);
}
