/** What a reader must know before believing a ratio. */
import { DISTURBED, isUnmeasured, SATURATED, type Row } from "../measurements/figures.ts";
import { figuresOf, type BodyKey, type LoadKey } from "./figure-of.ts";

/**
 * @param contenders whose figures the ratio is made of
 * @param load "saturated" where the comparison is of proxies that have all the work they can take: one that idles in between
 *   spends more a request, which would flatter the others
 */
export function remarksOn(
  rows: readonly Row[],
  contenders: readonly string[],
  key: LoadKey | BodyKey,
  load: "saturated" | "any load",
): readonly string[] {
  return contenders.flatMap((contender) => {
    const figures = figuresOf(rows, contender);
    if (isUnmeasured(figures)) return [];
    const figure = figures[key];
    if (isUnmeasured(figure)) return [];
    return [
      ...(load === "saturated" && figure.busy < SATURATED ? [`${contender} not saturated`] : []),
      ...(figure.others > DISTURBED ? [`${contender} disturbed`] : []),
    ];
  });
}
