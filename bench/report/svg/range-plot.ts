/** Rows of median, 99th percentile and highest value on a logarithmic axis, with a goal. Pure. */
import { FAINT, frame, INK, line, short, text, WIDTH } from "./frame.ts";
import { element } from "./markup.ts";
import { logScale } from "./scale.ts";

export interface RangeRow {
  readonly label: string;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface RangePlot {
  readonly title: string;
  readonly axis: string;
  readonly rows: readonly RangeRow[];
  /** p99 is to lie left of it. */
  readonly goal?: number;
}

const LEFT = 240;
const RIGHT = 190;
const ROW = 28;
const TOP = 52;
const COLOUR = "#dc2626";

/** Rows that have a value that is no number above 0 are left out. */
export function rangePlot({ title, axis, rows: all, goal }: RangePlot): string {
  const rows = all.filter(({ p50, p99, max }) => p50 > 0 && p99 > 0 && max > 0);
  const bottom = TOP + rows.length * ROW;
  const values = [...rows.flatMap(({ p50, max }) => [p50, max]), ...(goal === undefined ? [] : [goal])];
  const { at, ticks } = logScale(Math.min(...values), Math.max(...values), [LEFT, WIDTH - RIGHT]);
  const grid = ticks.flatMap((tick) => [
    line(at(tick), TOP - 4, at(tick), bottom),
    text(at(tick), bottom + 16, short(tick), { "text-anchor": "middle", fill: FAINT }),
  ]);
  const marks = rows.flatMap(({ label, p50, p99, max }, index) => {
    const y = TOP + index * ROW + ROW / 2;
    return [
      text(LEFT - 10, y + 4, label, { "text-anchor": "end" }),
      line(at(p50), y, at(max), y, { stroke: COLOUR, "stroke-width": 2 }),
      element("circle", { cx: at(p50), cy: y, r: 5, fill: COLOUR }),
      element("circle", { cx: at(p99), cy: y, r: 5, fill: "#ffffff", stroke: COLOUR, "stroke-width": 2 }),
      line(at(max), y - 6, at(max), y + 6, { stroke: COLOUR, "stroke-width": 2 }),
      text(WIDTH - RIGHT + 12, y + 4, `${short(p50)} / ${short(p99)} / ${short(max)}`),
    ];
  });
  const limit =
    goal === undefined
      ? []
      : [
          line(at(goal), TOP - 8, at(goal), bottom, { stroke: INK, "stroke-dasharray": "4 3" }),
          text(at(goal), TOP - 12, `goal for p99: ${short(goal)}`, { "text-anchor": "middle" }),
        ];
  return frame(
    `${title}, ${axis}`,
    bottom + 40,
    text(8, 18, title, { "font-weight": "bold", "font-size": 14 }),
    text(WIDTH - RIGHT + 12, TOP - 12, "p50 / p99 / highest", { fill: FAINT }),
    ...grid,
    ...limit,
    ...marks,
    text((LEFT + WIDTH - RIGHT) / 2, bottom + 34, axis, { "text-anchor": "middle", fill: FAINT }),
  );
}
