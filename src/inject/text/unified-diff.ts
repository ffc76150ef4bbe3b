/** A unified diff (POSIX diff -u) of a text and its edits. Pure. */
import { sorted, type Edit } from "./edit.ts";

const CONTEXT = 3;

interface Change {
  /** Lines of the text before, counted from 0; `end` is the line after the last. */
  readonly start: number;
  readonly end: number;
  readonly lines: readonly string[];
}

/** Empty where nothing changes. @param name of the file, in the two lines above the hunks */
export function unifiedDiff(name: string, text: string, edits: readonly Edit[]): string {
  const before = linesOf(text);
  const hunks = grouped(changesOf(text, edits));
  if (hunks.length === 0) return "";
  let shift = 0;
  const parts = hunks.map((changes) => {
    const from = Math.max(0, (changes[0]?.start ?? 0) - CONTEXT);
    const to = Math.min(before.length, (changes.at(-1)?.end ?? 0) + CONTEXT);
    const lines: string[] = [];
    let at = from;
    for (const { start, end, lines: inserted } of changes) {
      lines.push(
        ...marked(" ", before.slice(at, start)),
        ...marked("-", before.slice(start, end)),
        ...marked("+", inserted),
      );
      at = end;
    }
    lines.push(...marked(" ", before.slice(at, to)));
    const added = changes.reduce((sum, change) => sum + change.lines.length - (change.end - change.start), 0);
    const head = `@@ -${place(from, to - from)} +${place(from + shift, to - from + added)} @@\n`;
    shift += added;
    return head + lines.join("");
  });
  return `--- ${name}\n+++ ${name}\n${parts.join("")}`;
}

/** Whole lines, with their line breaks. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function marked(mark: string, lines: readonly string[]): readonly string[] {
  return lines.map((line) => `${mark}${line}${line.endsWith("\n") ? "" : "\n\\ No newline at end of file\n"}`);
}

/** An empty range stands after the line before it. */
function place(start: number, length: number): string {
  return `${length === 0 ? start : start + 1},${length}`;
}

/** Edits as whole lines; edits within one line are one change, and lines that stay the same are none. */
function changesOf(text: string, edits: readonly Edit[]): readonly Change[] {
  const lineAt = (offset: number): number => linesOf(text.slice(0, offset)).length;
  const changes: Change[] = [];
  let open: { readonly from: number; to: number; edits: Edit[] } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const { from, to } = open;
    let result = "";
    let at = from;
    for (const { start, end, text: inserted } of open.edits) {
      result += text.slice(at, start) + inserted;
      at = end;
    }
    const start = lineAt(from);
    changes.push(trimmed(start, linesOf(text.slice(from, to)), linesOf(result + text.slice(at, to))));
    open = undefined;
  };
  for (const edit of sorted(edits)) {
    const from = text.lastIndexOf("\n", edit.start - 1) + 1;
    // Whole lines put before a line do not touch that line.
    const isBetween = edit.start === edit.end && edit.start === from && edit.text.endsWith("\n");
    const newline = text.indexOf("\n", edit.end);
    const to = isBetween ? from : newline === -1 ? text.length : newline + 1;
    if (open !== undefined && (from < open.to || (from === open.to && edit.start < open.to))) {
      open.edits.push(edit);
      open.to = Math.max(open.to, to);
    } else {
      close();
      open = { from, to, edits: [edit] };
    }
  }
  close();
  return changes;
}

function trimmed(start: number, was: readonly string[], is: readonly string[]): Change {
  let head = 0;
  while (head < was.length && head < is.length && was[head] === is[head]) head += 1;
  let tail = 0;
  while (tail < was.length - head && tail < is.length - head && was.at(-1 - tail) === is.at(-1 - tail)) tail += 1;
  return { start: start + head, end: start + was.length - tail, lines: is.slice(head, is.length - tail) };
}

function grouped(changes: readonly Change[]): readonly (readonly Change[])[] {
  const groups: Change[][] = [];
  for (const change of changes) {
    const last = groups.at(-1);
    const end = last?.at(-1)?.end;
    if (last !== undefined && end !== undefined && change.start - end <= 2 * CONTEXT) last.push(change);
    else groups.push([change]);
  }
  return groups;
}
