/** Large bodies, one way at a time. */
import { isUnmeasured } from "../../load/measurements/figures.ts";
import { bodyOf, type BodyKey } from "../../load/report/figure-of.ts";
import { bodyRatio } from "../../load/report/ratios.ts";
import { paragraph, table, type Section } from "../document.ts";
import { currentRows, ranRows } from "../load-rows.ts";
import type { LoadResult } from "../results.ts";
import { marks, NONE, number, times } from "../words.ts";

const WAYS: readonly (readonly [BodyKey, string])[] = [
  ["bodyDown", "down"],
  ["bodyUp", "up"],
];

export function bodiesSection(load: LoadResult): Section {
  const rows = currentRows(load);
  const body = ranRows(rows).map(({ contender }) => [
    contender,
    ...WAYS.flatMap(([key]) => {
      const figure = bodyOf(rows, contender, key);
      if (isUnmeasured(figure)) return [NONE, NONE, NONE];
      const ratio = times(bodyRatio(rows, contender, "nginx", key));
      return [`${number(figure.mibPerSecond)}${marks(figure, false)}`, number(figure.cpuUs), ratio];
    }),
  ]);
  return {
    title: "Large bodies",
    blocks: [
      paragraph(
        "One transfer over mTLS, the best of its repeats. The ratio to nginx is the worse of two, speed by the clock and bytes for a CPU second: more is better.",
      ),
      table(
        ["contender", ...WAYS.flatMap(([, way]) => [`MiB/s ${way}`, `CPU us/MiB ${way}`, `${way}, x nginx`])],
        body,
      ),
    ],
  };
}
