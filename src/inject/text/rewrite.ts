/**
 * The edits that turn the text of one value into that of another: only what differs is touched, so comments, order and
 * quotes of everything else stay as they are. Who calls parses the result and compares: a text may be YAML that is not
 * foreseen here. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { isAlias, isMap, isSeq, type Pair, type YAMLMap, type YAMLSeq } from "yaml";
import { isFields } from "../fields.ts";
import type { Fields } from "../injection.ts";
import type { Edit } from "./edit.ts";
import { blockLines, columnOf, contentEnd, type Layout, lineAfter, rangeOf } from "./layout.ts";

export function rewrite(node: unknown, before: unknown, after: unknown, layout: Layout): readonly Edit[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isMap(node) && isFields(before) && isFields(after)) return rewriteMap(node, before, after, layout);
  if (isSeq(node) && Array.isArray(before) && Array.isArray(after) && after.length >= before.length)
    return rewriteSeq(node, before, after, layout);
  return [];
}

/** It can be gone into: its parts have places of their own. */
function hasParts(node: unknown, before: unknown, after: unknown): boolean {
  if (isAlias(node)) return false;
  if (isMap(node) && isFields(before) && isFields(after)) return node.items.length > 0 && !losesKeys(before, after);
  return (
    isSeq(node) &&
    node.items.length > 0 &&
    Array.isArray(before) &&
    Array.isArray(after) &&
    after.length >= before.length
  );
}

/** A key that goes takes its mapping along, unless another comes in its place. */
function losesKeys(before: Fields, after: Fields): boolean {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key)).length;
  const come = Object.keys(after).filter((key) => !Object.hasOwn(before, key)).length;
  return gone > come;
}

function rewriteMap(map: YAMLMap, before: Fields, after: Fields, layout: Layout): readonly Edit[] {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const come = Object.keys(after).filter((key) => !Object.hasOwn(before, key));
  const edits: Edit[] = [];
  for (const [index, key] of gone.entries()) {
    const pair = pairOf(map, key);
    const replacement = come[index];
    if (pair !== undefined && replacement !== undefined)
      edits.push(replacePair(map, pair, { [replacement]: after[replacement] }, layout));
  }
  for (const key of Object.keys(before)) {
    const pair = pairOf(map, key);
    if (pair === undefined || !Object.hasOwn(after, key) || isDeepStrictEqual(before[key], after[key])) continue;
    if (hasParts(pair.value, before[key], after[key]))
      edits.push(...rewrite(pair.value, before[key], after[key], layout));
    else edits.push(replaceValue(map, pair, after[key], layout));
  }
  const added = come.slice(gone.length);
  if (added.length > 0) edits.push(addPairs(map, Object.fromEntries(added.map((key) => [key, after[key]])), layout));
  return edits;
}

function rewriteSeq(
  seq: YAMLSeq,
  before: readonly unknown[],
  after: readonly unknown[],
  layout: Layout,
): readonly Edit[] {
  const edits: Edit[] = [];
  for (const [index, was] of before.entries()) {
    const [item, is] = [seq.items[index], after[index]];
    if (isDeepStrictEqual(was, is)) continue;
    if (hasParts(item, was, is)) edits.push(...rewrite(item, was, is, layout));
    else edits.push(replaceItem(seq, item, is, layout));
  }
  const added = after.slice(before.length);
  if (added.length > 0) edits.push(addItems(seq, added, layout));
  return edits;
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => String((pair.key as { readonly value?: unknown } | null)?.value) === key);
}

function replacePair(map: YAMLMap, pair: Pair, fields: Fields, layout: Layout): Edit {
  const start = rangeOf(pair.key)?.[0] ?? 0;
  const end = Math.max(contentEnd(pair.key, layout), contentEnd(pair.value, layout));
  const text =
    map.flow === true ? flowPairs(fields) : indented(blockLines(fields, layout), columnOf(start, layout), layout);
  return { start, end, text };
}

function replaceValue(map: YAMLMap, pair: Pair, value: unknown, layout: Layout): Edit {
  const key = rangeOf(pair.key);
  const colon = layout.text.indexOf(":", key?.[1] ?? 0) + 1;
  const range = rangeOf(pair.value);
  const isEmpty = range === undefined || range[0] === range[1];
  const end = isEmpty ? colon : contentEnd(pair.value, layout);
  if (map.flow === true) return { start: colon, end, text: ` ${JSON.stringify(value)}` };
  const column = columnOf(key?.[0] ?? 0, layout);
  const [first = "", ...rest] = blockLines({ k: value }, layout);
  const text = first.slice("k:".length) + rest.map((line) => `${layout.newline}${pad(line, column)}`).join("");
  return { start: colon, end, text };
}

function replaceItem(seq: YAMLSeq, item: unknown, value: unknown, layout: Layout): Edit {
  const start = rangeOf(item)?.[0] ?? 0;
  const end = contentEnd(item, layout);
  if (seq.flow === true) return { start, end, text: JSON.stringify(value) };
  return { start, end, text: indented(blockLines(value, layout), columnOf(start, layout), layout) };
}

function addPairs(map: YAMLMap, fields: Fields, layout: Layout): Edit {
  const last = map.items.at(-1);
  const lastPart = rangeOf(last?.value) === undefined ? last?.key : last?.value;
  if (map.flow === true) {
    const parts = Object.entries(fields).map(([key, value]) => [`${JSON.stringify(key)}: `, value] as const);
    return addFlow(map, Math.max(contentEnd(last?.key, layout), contentEnd(last?.value, layout)), parts, layout);
  }
  const column = columnOf(rangeOf(map.items[0]?.key)?.[0] ?? 0, layout);
  return addLines(lastPart, blockLines(fields, layout), column, layout);
}

function addItems(seq: YAMLSeq, items: readonly unknown[], layout: Layout): Edit {
  const last = seq.items.at(-1);
  if (seq.flow === true)
    return addFlow(
      seq,
      contentEnd(last, layout),
      items.map((item) => ["", item] as const),
      layout,
    );
  return addLines(last, blockLines(items, layout), columnOf(rangeOf(seq)?.[0] ?? 0, layout), layout);
}

function addLines(after: unknown, lines: readonly string[], column: number, layout: Layout): Edit {
  const { text, newline } = layout;
  const start = lineAfter(after, layout);
  const block = lines.map((line) => pad(line, column)).join(newline);
  const hasLineBreak = start === 0 || text[start - 1] === "\n";
  return { start, end: start, text: hasLineBreak ? block + newline : newline + block };
}

/** @param parts what stands before each value, and the value */
function addFlow(
  collection: YAMLMap | YAMLSeq,
  at: number,
  parts: readonly (readonly [string, unknown])[],
  layout: Layout,
): Edit {
  const start = collection.items.length === 0 ? (rangeOf(collection)?.[0] ?? 0) + 1 : at;
  const column = lineColumn(collection, layout);
  const texts = parts.map(([before, value]) =>
    column === undefined
      ? `${before}${JSON.stringify(value)}`
      : `${layout.newline}${" ".repeat(column)}${before}${indented(JSON.stringify(value, undefined, 2).split("\n"), column, layout)}`,
  );
  const separator = column === undefined ? ", " : ",";
  return { start, end: start, text: (collection.items.length === 0 ? "" : separator) + texts.join(separator) };
}

/** Column of the parts where each stands in a line of its own, as printed JSON has it. */
function lineColumn(collection: YAMLMap | YAMLSeq, layout: Layout): number | undefined {
  const [first] = collection.items;
  const start = rangeOf(isMap(collection) ? (first as Pair | undefined)?.key : first)?.[0];
  if (start === undefined) return undefined;
  const column = columnOf(start, layout);
  return /^[ \t]*$/.test(layout.text.slice(start - column, start)) ? column : undefined;
}

function flowPairs(fields: Fields): string {
  return Object.entries(fields)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(", ");
}

/** The first line stands where something stands already. */
function indented(lines: readonly string[], column: number, { newline }: Layout): string {
  return lines.map((line, index) => (index === 0 ? line : pad(line, column))).join(newline);
}

function pad(line: string, column: number): string {
  return line === "" ? line : " ".repeat(column) + line;
}
