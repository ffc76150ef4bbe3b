/** Text of a page in which nothing stands unescaped but what is written in a template of this source. */
import { visible } from "../../telemetry/visible-text.ts";

/** Made by `html` and `css` alone: a text that comes from anywhere else cannot become markup. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };

/** `undefined` and `false` are nothing. */
export type Part = string | number | Html | undefined | false | readonly Part[];

/** What a name of a peer or an object may have of letters before it is cut. */
const MOST_LETTERS = 2_000;

export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.map((text, index) => text + textOf(parts[index])).join(""));
}

/** A style sheet, whole as it is written. */
export function css([text = ""]: TemplateStringsArray): Html {
  return new Html(text);
}

/** @param most letters; the end of a longer text is left out, which is said */
export function cut(text: string, most = MOST_LETTERS): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length - most} more)`;
}

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (part === undefined || part === false) return "";
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return escape(visible(cut(part)));
  return part.map(textOf).join("");
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
