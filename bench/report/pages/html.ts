/** The document as one file for a browser: no script, nothing from elsewhere, readable on paper too. Pure. */
import type { Block, Document, Section, Table } from "../document.ts";
import { element, escaped } from "../svg/markup.ts";

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
  h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #e5e7eb }
  table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
  th, td { padding: .2rem .7rem; border-bottom: 1px solid #e5e7eb; text-align: left; vertical-align: top }
  th { border-bottom: 2px solid #9ca3af }
  td.number { text-align: right; white-space: nowrap }
  .bad { color: #b91c1c; font-weight: bold } .good { color: #15803d }
  pre { background: #f3f4f6; padding: .7rem; overflow-x: auto }
  svg { max-width: 100%; height: auto; border: 1px solid #e5e7eb; margin: .5rem 0 }
`;

const BAD = /^(loses|NOT MET|worse)/;
const GOOD = /^(wins|met|better)/;

function cell(text: string): string {
  if (BAD.test(text)) return element("td", { class: "bad" }, escaped(text));
  if (GOOD.test(text)) return element("td", { class: "good" }, escaped(text));
  return element("td", /^[-+]?\d/.test(text) ? { class: "number" } : {}, escaped(text));
}

function table({ head, rows }: Table): string {
  const titles = element("tr", {}, ...head.map((title) => element("th", {}, escaped(title))));
  const body = rows.map((row) => element("tr", {}, ...row.map(cell)));
  return element("table", {}, element("thead", {}, titles), element("tbody", {}, ...body));
}

function block(one: Block): string {
  switch (one.kind) {
    case "paragraph":
      return element("p", {}, escaped(one.text));
    case "list":
      return element("ul", {}, ...one.items.map((item) => element("li", {}, escaped(item))));
    case "code":
      return element("pre", {}, escaped(one.lines.join("\n")));
    case "plot":
      return element("figure", {}, one.svg);
    case "table":
      return table(one);
  }
}

function section({ title, blocks }: Section): string {
  return element("section", {}, element("h2", {}, escaped(title)), "\n", ...blocks.map((one) => `${block(one)}\n`));
}

export function htmlPage({ title, intro, sections }: Document): string {
  const head = element(
    "head",
    {},
    element("meta", { charset: "utf-8" }),
    element("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    element("title", {}, escaped(title)),
    element("style", {}, STYLE),
  );
  const body = element(
    "body",
    {},
    element("h1", {}, escaped(title)),
    "\n",
    ...intro.map((one) => `${block(one)}\n`),
    ...sections.map((one) => `${section(one)}\n`),
  );
  return `<!doctype html>\n${element("html", { lang: "en" }, head, "\n", body)}\n`;
}
