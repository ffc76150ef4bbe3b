/** The frame of the pages for people: one document that loads nothing, runs nothing and cannot be framed. */
import { createHash } from "node:crypto";
import { html, type Html, type Part } from "./html.ts";
import { STYLE } from "./style.ts";

/** An IPv4 address with its port, letters. */
const LONGEST_WHOLE = 21;

export interface HtmlDocument {
  readonly body: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function htmlDocument(title: string, content: Html): HtmlDocument {
  const { text } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        ${content}
      </body>
    </html> `;
  return {
    body: text,
    contentType: "text/html; charset=utf-8",
    headers: { "content-security-policy": securityPolicy(text), "referrer-policy": "no-referrer", vary: "accept" },
  };
}

/** Even what got past the escaping could not run, load or send anything. The style element is named by its digest. */
function securityPolicy(document: string): string {
  const [, style = ""] = /<style>([^]*?)<\/style>/.exec(document) ?? [];
  return [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
    // A browser asks for an icon by itself.
    "img-src data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** On a narrow screen each row is a block, and each cell carries its heading. */
export function table(label: string, headings: readonly string[], rows: readonly (readonly Part[])[]): Html {
  return html`<table aria-label="${label}">
    <thead>
      <tr>
        ${headings.map((heading) => html`<th scope="col">${heading}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (cells) =>
          html`<tr>
            ${cells.map((cell, index) => cellOf(headings[index] ?? "", cell, index === 0))}
          </tr> `,
      )}
    </tbody>
  </table>`;
}

function cellOf(heading: string, cell: Part, first: boolean): Html {
  const content = html`${cell}`;
  const kind = isOfShortWords(content) ? "whole" : "broken";
  return first
    ? html`<th scope="row" class="${kind}" data-label="${heading}">${content}</th>`
    : html`<td class="${kind}" data-label="${heading}">${content}</td>`;
}

/** Only the words of other cells are broken where the screen is too narrow for them. */
function isOfShortWords({ text }: Html): boolean {
  return text.split(/<[^>]*>|\s+/).every((word) => word.length <= LONGEST_WHOLE);
}

/** Names and values; what is `undefined` is left out. */
export function factList(label: string, facts: readonly (readonly [string, Part])[]): Html {
  const known = facts.filter(([, value]) => value !== undefined);
  return html`<dl aria-label="${label}">
    ${known.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}

/** @param most rows or items; how many more there are is said in the last one */
export function bounded<Item>(
  items: readonly Item[],
  most: number,
): { readonly shown: readonly Item[]; readonly more: number } {
  return { shown: items.slice(0, most), more: Math.max(0, items.length - most) };
}
