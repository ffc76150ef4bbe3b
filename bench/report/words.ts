/** Figures as cells and notes have them. */
import { DISTURBED, SATURATED, type BodyFigure, type LoadFigure } from "../load/measurements/figures.ts";
import type { Unmeasured } from "../load/measurements/figures.ts";
import { short } from "./svg/frame.ts";

export const NONE = "-";

export function times(ratio: number | Unmeasured): string {
  return typeof ratio === "number" && Number.isFinite(ratio) ? `${ratio.toFixed(2)}x` : NONE;
}

export function number(value: number, unit = ""): string {
  if (!Number.isFinite(value)) return NONE;
  return unit === "" ? short(value) : `${short(value)} ${unit}`;
}

/**
 * Doubts as single characters: `*` the proxy was not saturated, so its CPU a request is a little too high; `!` others had
 * more than a little of its core.
 */
export function marks(figure: Pick<LoadFigure | BodyFigure, "busy" | "others">, saturated = true): string {
  return `${saturated && figure.busy < SATURATED ? "*" : ""}${figure.others > DISTURBED ? "!" : ""}`;
}

export const MARKS =
  "* The proxy was not saturated: its CPU a request is a little too high. ! Other processes had more than 5 % of its core: the figure is not worth much.";
