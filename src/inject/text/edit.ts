/** Changes of a text by place, and the way back. Pure. */
import { createHash } from "node:crypto";
import { isFields } from "../fields.ts";

/** Offsets count from the start of the text before any edit. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** @param edits none overlaps another */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = "";
  let at = 0;
  for (const { start, end, text: inserted } of sorted(edits)) {
    result += text.slice(at, start) + inserted;
    at = end;
  }
  return result + text.slice(at);
}

/** Where two stand at one place, the first given comes first. */
export function sorted(edits: readonly Edit[]): readonly Edit[] {
  return edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
}

/**
 * The way back from edits of what begins at `base`, as text: a digest of what was there, and for each edit how far it
 * stands from the one before, how long its text is, and what it replaced.
 */
export function wayBack(text: string, base: number, edits: readonly Edit[]): string {
  let at = base;
  const steps = sorted(edits).map(({ start, end, text: inserted }) => {
    const step = [start - at, inserted.length, text.slice(start, end)];
    at = end;
    return step;
  });
  return JSON.stringify({ sha256: digest(text.slice(base, at)), edits: steps });
}

/** The edits that lead back; `undefined` where the text has been changed since, or the way is none. */
export function editsBack(text: string, base: number, way: string): readonly Edit[] | undefined {
  const steps = readWay(way);
  if (steps === undefined) return undefined;
  let at = base;
  let before = "";
  const edits: Edit[] = [];
  for (const [gap, length, replaced] of steps.edits) {
    const start = at + gap;
    before += text.slice(at, start) + replaced;
    at = start + length;
    edits.push({ start, end: at, text: replaced });
  }
  return at <= text.length && digest(before) === steps.sha256 ? edits : undefined;
}

type Step = readonly [gap: number, length: number, replaced: string];

function readWay(way: string): { readonly sha256: string; readonly edits: readonly Step[] } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(way);
  } catch {
    return undefined;
  }
  if (!isFields(value) || typeof value["sha256"] !== "string" || !Array.isArray(value["edits"])) return undefined;
  const edits = value["edits"] as readonly unknown[];
  return edits.every(isStep) ? { sha256: value["sha256"], edits } : undefined;
}

function isStep(value: unknown): value is Step {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [gap, length, replaced] = value as readonly unknown[];
  return isCount(gap) && isCount(length) && typeof replaced === "string";
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Short: it guards against edits by hand, not against an attacker, who could write the manifest as well. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
