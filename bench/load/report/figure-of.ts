/** Looks figures up, so that tables, ratios and goals name what they lack instead of guessing it. */
import {
  isUnmeasured,
  type BodyFigure,
  type Figures,
  type LoadFigure,
  type Maybe,
  type Row,
  type Unmeasured,
} from "../measurements/figures.ts";

export type LoadKey = Exclude<keyof Figures, "bodyDown" | "bodyUp" | "memory">;
export type BodyKey = "bodyDown" | "bodyUp";

export function figuresOf(rows: readonly Row[], contender: string): Maybe<Figures> {
  const row = rows.find((each) => each.contender === contender);
  if (row === undefined) return { unmeasured: `${contender} was not in this run` };
  return isUnmeasured(row.result) ? { unmeasured: `${contender}: ${row.result.unmeasured}` } : row.result;
}

function named<Figure extends object>(figure: Maybe<Figure>, contender: string): Maybe<Figure> {
  return isUnmeasured(figure) ? { unmeasured: `${contender}: ${figure.unmeasured}` } : figure;
}

export function loadOf(rows: readonly Row[], contender: string, key: LoadKey): Maybe<LoadFigure> {
  const figures = figuresOf(rows, contender);
  return isUnmeasured(figures) ? figures : named(figures[key], contender);
}

export function bodyOf(rows: readonly Row[], contender: string, key: BodyKey): Maybe<BodyFigure> {
  const figures = figuresOf(rows, contender);
  return isUnmeasured(figures) ? figures : named(figures[key], contender);
}

/** @returns what `combine` makes of both, or what the first of them lacks */
export function both<First extends object, Second extends object, Result>(
  first: Maybe<First>,
  second: Maybe<Second>,
  combine: (first: First, second: Second) => Result,
): Result | Unmeasured {
  if (isUnmeasured(first)) return first;
  return isUnmeasured(second) ? second : combine(first, second);
}
