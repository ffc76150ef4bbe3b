/** The document as Markdown, its plots as files beside it. Pure. */
import type { Block, Document, Plot, Table } from "../document.ts";

export interface MarkdownPage {
  readonly text: string;
  /** SVG by the name of its file. */
  readonly plots: ReadonlyMap<string, string>;
}

/** A number, with whatever behind it, or none. */
const NUMBER = /^(?:\d.*|-|)$/;

/** Texts are plain: what Markdown or HTML would read in them is shown as it is. */
function markdownText(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#]/g, String.raw`\$&`);
}

function table({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(markdownText).join(" | ")} |`;
  const aligned = head.map((_, column) => (rows.every((row) => NUMBER.test(row[column] ?? "")) ? "---:" : "---"));
  return [line(head), `|${aligned.join("|")}|`, ...rows.map(line)].join("\n");
}

/** @param folder of the plots, as the page names it */
export function markdownPage({ title, intro, sections }: Document, folder: string): MarkdownPage {
  const plots = new Map<string, string>();
  const image = ({ name, words, svg }: Plot): string => {
    plots.set(`${name}.svg`, `${svg}\n`);
    return `![${markdownText(words)}](${folder}/${name}.svg)`;
  };
  const block = (one: Block): string => {
    switch (one.kind) {
      case "paragraph":
        return markdownText(one.text);
      case "list":
        return one.items.map((item) => `- ${markdownText(item)}`).join("\n");
      case "code":
        return ["```sh", ...one.lines, "```"].join("\n");
      case "plot":
        return image(one);
      case "table":
        return table(one);
    }
  };
  const parts = [
    `# ${markdownText(title)}`,
    ...intro.map(block),
    ...sections.flatMap(({ title: heading, blocks }) => [`## ${markdownText(heading)}`, ...blocks.map(block)]),
  ];
  return { text: `${parts.join("\n\n")}\n`, plots };
}
