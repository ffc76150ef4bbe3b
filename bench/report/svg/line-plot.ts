/** Lines with their names at their ends. Pure. */
import { colourOf, FAINT, frame, line, short, text, WIDTH } from "./frame.ts";
import { element } from "./markup.ts";
import { apart, type Scale } from "./scale.ts";

export interface Line {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Of something that stands for comparison. */
  readonly dashed?: boolean;
  /** That of the contender that is named so, without it. */
  readonly colour?: string;
}

export interface Axis {
  readonly title: string;
  readonly scale: (range: readonly [from: number, to: number]) => Scale;
  /** What a tick is called; the number itself without it. */
  readonly name?: (tick: number) => string;
}

export interface LinePlot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

const HEIGHT = 420;
const LEFT = 64;
/** Room for the names. */
const RIGHT = 190;
const TOP = 36;
const BOTTOM = HEIGHT - 48;
const LABEL = 14;

export function linePlot({ title, x, y, lines }: LinePlot): string {
  const across = x.scale([LEFT, WIDTH - RIGHT]);
  const up = y.scale([BOTTOM, TOP]);
  const name = ({ name: of = short }: Axis, tick: number): string => of(tick);
  const grid = [
    ...across.ticks.flatMap((tick) => [
      line(across.at(tick), TOP, across.at(tick), BOTTOM),
      text(across.at(tick), BOTTOM + 16, name(x, tick), { "text-anchor": "middle", fill: FAINT }),
    ]),
    ...up.ticks.flatMap((tick) => [
      line(LEFT, up.at(tick), WIDTH - RIGHT, up.at(tick)),
      text(LEFT - 6, up.at(tick) + 4, name(y, tick), { "text-anchor": "end", fill: FAINT }),
    ]),
  ];
  const drawn = lines.filter(({ points }) => points.length > 0);
  const ends = drawn.map(({ points }) => up.at(points.at(-1)?.[1] ?? 0));
  const places = apart(ends, LABEL, [TOP, BOTTOM]);
  const curves = drawn.flatMap(({ label, points, dashed = false, colour = colourOf(label) }, index) => {
    const placed = points.map(([px, py]) => [across.at(px), up.at(py)] as const);
    const path = placed.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
    const [endX = 0, endY = 0] = placed.at(-1) ?? [];
    const place = places[index] ?? endY;
    const bold = label.startsWith("postern");
    return [
      element("polyline", {
        points: path,
        fill: "none",
        stroke: colour,
        "stroke-width": bold ? 2.5 : 1.5,
        ...(dashed && { "stroke-dasharray": "5 4" }),
      }),
      ...placed.map(([cx, cy]) => element("circle", { cx, cy, r: 2.5, fill: colour })),
      line(endX + 4, endY, WIDTH - RIGHT + 14, place, { stroke: colour, "stroke-width": 0.6 }),
      text(WIDTH - RIGHT + 18, place + 4, label, { fill: colour, "font-weight": bold ? "bold" : "normal" }),
    ];
  });
  return frame(
    `${title}; ${y.title} over ${x.title}`,
    HEIGHT,
    text(8, 18, title, { "font-weight": "bold", "font-size": 14 }),
    text(WIDTH - RIGHT, 18, y.title, { "text-anchor": "end", fill: FAINT }),
    ...grid,
    ...curves,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x.title, { "text-anchor": "middle", fill: FAINT }),
  );
}
