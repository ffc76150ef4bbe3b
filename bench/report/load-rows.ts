/** The load bench's rows under the names that a report uses. */
import { isUnmeasured, type Figures, type Maybe, type Row } from "../load/measurements/figures.ts";
import type { LoadKey } from "../load/report/figure-of.ts";
import type { LoadResult } from "./results.ts";

/** A reason is what a program last said, which may be pages. */
const LONGEST_REASON = 120;

export function brief(reason: string): string {
  const [first = ""] = reason.split("\n");
  return first.length > LONGEST_REASON ? `${first.slice(0, LONGEST_REASON).trimEnd()}...` : first;
}

function withBriefReason<Figure extends object>(figure: Maybe<Figure>): Maybe<Figure> {
  return isUnmeasured(figure) ? { unmeasured: brief(figure.unmeasured) } : figure;
}

function withBriefReasons(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([key, figure]) => [key, withBriefReason(figure as object)]),
  ) as unknown as Figures;
}

/** With a baseline in the same run this checkout has a suffix too; a report calls it by the family's name alone. */
export function plainRows({ rows, builds }: LoadResult): readonly Row[] {
  const own = builds[0]?.suffix ?? "";
  const named = rows.map(({ contender, family, note, result }) => ({
    contender,
    family,
    note,
    result: isUnmeasured(result) ? withBriefReason(result) : withBriefReasons(result),
  }));
  if (own === "") return named;
  return named.map((row) => (row.contender === row.family + own ? { ...row, contender: row.family } : row));
}

/** Without those of a baseline. */
export function currentRows(load: LoadResult): readonly Row[] {
  return plainRows(load).filter(({ contender, family }) => contender === family || !family.startsWith("postern"));
}

export function ranRows(rows: readonly Row[]): readonly (Row & { readonly result: Figures })[] {
  return rows.filter((row): row is Row & { readonly result: Figures } => !isUnmeasured(row.result));
}

/** @returns what each contender that ran has of one load, measured or not; who did not run at all is among the doubts */
export function entriesOf<Key extends LoadKey | "bodyDown" | "bodyUp" | "memory">(
  rows: readonly Row[],
  key: Key,
): readonly (readonly [contender: string, figure: Maybe<Figures[Key] & object>])[] {
  return ranRows(rows).map(({ contender, result }) => [contender, result[key]]);
}
