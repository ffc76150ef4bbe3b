/** How a YAML text is laid out: what a new value looks like in it, and where it can stand. Pure. */
import { isCollection, isMap, isScalar, isSeq, stringify, type Node } from "yaml";

export interface Layout {
  readonly text: string;
  readonly newline: string;
  /** Items of a list stand deeper than the key of the list. */
  readonly indentedLists: boolean;
}

export function layoutOf(text: string): Layout {
  return {
    text,
    newline: text.includes("\r\n") ? "\r\n" : "\n",
    indentedLists: !/^( *)(?:- )?[\w./-]+:[ \t]*(?:#.*)?\r?\n\1- /m.test(text),
  };
}

/** A value as the lines of a block, none of them indented but what stands inside. */
export function blockLines(value: unknown, { indentedLists }: Layout): readonly string[] {
  // Kubernetes reads YAML 1.1, where yes and on are no texts.
  return stringify(value, { lineWidth: 0, version: "1.1", indentSeq: indentedLists, aliasDuplicateObjects: false })
    .replace(/\n$/, "")
    .split("\n");
}

/** Offset after the last character that belongs to the node, comments and white space left out. */
export function contentEnd(node: unknown, { text }: Layout): number {
  let end = lastEnd(node);
  while (end > 0 && /\s/.test(text[end - 1] ?? "")) end -= 1;
  return end;
}

/** A block collection ends where its last part ends; its own range goes on over comments. */
function lastEnd(node: unknown): number {
  if (isCollection(node) && node.flow !== true && node.items.length > 0) {
    if (isMap(node)) {
      const last = node.items.at(-1);
      return Math.max(lastEnd(last?.key), lastEnd(last?.value));
    }
    if (isSeq(node)) return lastEnd(node.items.at(-1));
  }
  return rangeOf(node)?.[1] ?? 0;
}

/** Start of the line after a node: where the next line of its parent can stand. A block scalar owns its last line break. */
export function lineAfter(node: unknown, layout: Layout): number {
  const { text } = layout;
  const last = lastNode(node);
  if (isScalar(last) && (last.type === "BLOCK_LITERAL" || last.type === "BLOCK_FOLDED")) {
    const end = rangeOf(last)?.[1] ?? 0;
    if (text[end - 1] === "\n") return end;
  }
  const newline = text.indexOf("\n", contentEnd(node, layout));
  return newline === -1 ? text.length : newline + 1;
}

function lastNode(node: unknown): unknown {
  if (!isCollection(node) || node.flow === true || node.items.length === 0) return node;
  const last = node.items.at(-1);
  return isMap(node) ? lastNode((last as { readonly value?: unknown }).value) : lastNode(last);
}

export function columnOf(offset: number, { text }: Layout): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

export function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  return (node as Node | null | undefined)?.range ?? undefined;
}
