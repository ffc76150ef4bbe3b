/** Bars that lie, from zero: what each contender costs, the cheapest first. Pure. */
import { colourOf, FAINT, frame, line, short, text, WIDTH } from "./frame.ts";
import { element } from "./markup.ts";
import { linearScale } from "./scale.ts";

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** After the value: a ratio, a doubt. */
  readonly note: string;
}

export interface BarPlot {
  readonly title: string;
  /** Of the axis, its unit included. */
  readonly axis: string;
  readonly bars: readonly Bar[];
}

const LEFT = 130;
/** Room for the notes. */
const RIGHT = 210;
const ROW = 24;
const TOP = 36;

export function barPlot({ title, axis, bars }: BarPlot): string {
  const bottom = TOP + bars.length * ROW;
  const most = Math.max(0, ...bars.map(({ value }) => value));
  const { at, ticks } = linearScale(most, [LEFT, WIDTH - RIGHT]);
  const grid = ticks.flatMap((tick) => [
    line(at(tick), TOP - 4, at(tick), bottom),
    text(at(tick), bottom + 16, short(tick), { "text-anchor": "middle", fill: FAINT }),
  ]);
  const rows = bars.flatMap(({ label, value, note }, index) => {
    const y = TOP + index * ROW;
    const own = label.startsWith("postern");
    return [
      text(LEFT - 8, y + 16, label, { "text-anchor": "end", "font-weight": own ? "bold" : "normal" }),
      element("rect", {
        x: LEFT,
        y: y + 3,
        width: Math.max(1, at(value) - LEFT),
        height: ROW - 8,
        fill: own ? colourOf(label) : "#94a3b8",
      }),
      text(at(value) + 6, y + 16, `${short(value)}${note === "" ? "" : `  ${note}`}`),
    ];
  });
  return frame(
    `${title}, ${axis}`,
    bottom + 40,
    text(8, 18, title, { "font-weight": "bold", "font-size": 14 }),
    ...grid,
    ...rows,
    text((LEFT + WIDTH - RIGHT) / 2, bottom + 34, axis, { "text-anchor": "middle", fill: FAINT }),
  );
}
