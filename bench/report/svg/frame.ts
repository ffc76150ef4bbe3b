/** What all plots have: a white ground, a title for those who do not see it, texts, grid lines. Pure. */
import { element, escaped, type Attributes } from "./markup.ts";

export const WIDTH = 820;
export const INK = "#1f2937";
export const FAINT = "#6b7280";
const GRID = "#e5e7eb";

/** Colours of contenders, told apart also by the label that stands at each line and bar. */
const COLOURS: readonly (readonly [prefix: string, colour: string])[] = [
  ["postern-log", "#f59e0b"],
  ["postern-stream", "#b45309"],
  ["postern", "#dc2626"],
  ["nginx", "#15803d"],
  ["haproxy-tcp", "#60a5fa"],
  ["haproxy", "#1d4ed8"],
  ["envoy-log", "#c084fc"],
  ["envoy-tcp", "#a78bfa"],
  ["envoy", "#7e22ce"],
  ["ghostunnel", "#0e7490"],
  ["http-proxy", "#a16207"],
];

export function colourOf(contender: string): string {
  return COLOURS.find(([prefix]) => contender.startsWith(prefix))?.[1] ?? FAINT;
}

export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element("text", { x, y, "font-size": 12, fill: INK, ...attributes }, escaped(words));
}

export function line(x1: number, y1: number, x2: number, y2: number, attributes: Attributes = {}): string {
  return element("line", { x1, y1, x2, y2, stroke: GRID, ...attributes });
}

/** @param title says what a plot shows to whoever cannot see it */
export function frame(title: string, height: number, ...children: readonly string[]): string {
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    width: WIDTH,
    height,
    role: "img",
    "font-family": "system-ui, sans-serif",
  };
  const ground = element("rect", { width: WIDTH, height, fill: "#ffffff" });
  return element("svg", attributes, element("title", {}, escaped(title)), ground, ...children);
}

/** Few digits, as many as a reader compares. */
export function short(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`;
  if (size >= 10_000) return `${Number((value / 1_000).toPrecision(3))}k`;
  return String(size >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}
