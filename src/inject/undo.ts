/**
 * What a change of a manifest was, so that it can be taken back after others have edited the manifest too. Items of lists
 * are named where they have names, so that a container added beside ours disturbs nothing. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { isFields } from "./fields.ts";
import type { Fields } from "./injection.ts";

/** JSON pointers (RFC 6901); a step `=name` is the item of a list that has this name. */
export interface Undo {
  readonly remove: readonly string[];
  readonly restore: Readonly<Record<string, unknown>>;
  /** Collections that were not there; they go when nothing is left in them. */
  readonly removeEmpty: readonly string[];
}

/** Mappings that other tools write into as well: what was added goes key by key. */
const SHARED: ReadonlySet<string> = new Set(["metadata", "annotations", "labels", "lifecycle"]);

export function undoOf(before: Fields, after: Fields): Undo {
  const undo = { remove: [] as string[], restore: {} as Record<string, unknown>, removeEmpty: [] as string[] };
  compareFields(before, after, "", undo);
  return undo;
}

interface Draft {
  readonly remove: string[];
  readonly restore: Record<string, unknown>;
  readonly removeEmpty: string[];
}

function compareFields(before: Fields, after: Fields, at: string, undo: Draft): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const path = `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const [was, is] = [before[key], after[key]];
    if (isDeepStrictEqual(was, is)) continue;
    if (!Object.hasOwn(after, key)) undo.restore[path] = was;
    else if (!Object.hasOwn(before, key)) added(key, is, path, undo);
    else if (isFields(was) && isFields(is)) compareFields(was, is, path, undo);
    else if (Array.isArray(was) && Array.isArray(is)) compareLists(was, is, path, undo);
    else undo.restore[path] = was;
  }
}

function compareLists(was: readonly unknown[], is: readonly unknown[], path: string, undo: Draft): void {
  const names = namesOf(was);
  const isNames = namesOf(is);
  if (isNames !== undefined && names !== undefined && names.every((name) => isNames.includes(name))) {
    for (const [index, name] of isNames.entries()) {
      const at = names.indexOf(name);
      if (at === -1) undo.remove.push(`${path}/=${name}`);
      else compareItems(was[at], is[index], `${path}/=${name}`, undo);
    }
  } else if (was.length === is.length) {
    for (const [index, item] of was.entries()) compareItems(item, is[index], `${path}/${index}`, undo);
  } else undo.restore[path] = was;
}

function compareItems(was: unknown, is: unknown, path: string, undo: Draft): void {
  if (isFields(was) && isFields(is)) compareFields(was, is, path, undo);
  else if (!isDeepStrictEqual(was, is)) undo.restore[path] = was;
}

function added(key: string, value: unknown, path: string, undo: Draft): void {
  const names = namesOf(value);
  if (names !== undefined && names.length > 0) {
    undo.remove.push(...names.map((name) => `${path}/=${name}`));
    undo.removeEmpty.push(path);
  } else if (SHARED.has(key) && isFields(value)) {
    compareFields({}, value, path, undo);
    undo.removeEmpty.push(path);
  } else undo.remove.push(path);
}

/** `undefined` unless every item has a name of its own that can stand in a path. */
function namesOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = (value as readonly unknown[]).map((item) => (isFields(item) ? item["name"] : undefined));
  const sound = names.filter((name) => typeof name === "string" && !/[/~]/.test(name)) as readonly string[];
  return sound.length === names.length && new Set(sound).size === sound.length ? sound : undefined;
}

/** Paths that are gone are passed over. The argument is left as it is. */
export function applyUndo<Manifest extends Fields>(manifest: Manifest, undo: Undo): Manifest {
  const copy = structuredClone(manifest);
  for (const path of undo.remove) at(copy, path)?.remove();
  for (const [path, value] of Object.entries(undo.restore)) at(copy, path)?.set(structuredClone(value));
  // Inner ones first: an outer one may be empty after them.
  for (const path of undo.removeEmpty.toSorted((a, b) => b.length - a.length)) at(copy, path)?.removeIfEmpty();
  return copy;
}

interface Place {
  readonly remove: () => void;
  readonly set: (value: unknown) => void;
  readonly removeIfEmpty: () => void;
}

function at(root: unknown, path: string): Place | undefined {
  const steps = path.split("/").slice(1);
  const last = steps.pop() ?? "";
  let parent = root;
  for (const step of steps) parent = child(parent, step);
  if (Array.isArray(parent)) {
    const items = parent as unknown[];
    const index = indexIn(items, last);
    if (index === -1) return undefined;
    return {
      remove: () => void items.splice(index, 1),
      set: (value) => void (items[index] = value),
      removeIfEmpty: () => undefined,
    };
  }
  if (!isFields(parent)) return undefined;
  const fields = parent as Record<string, unknown>;
  const key = unescape(last);
  const remove = (): void => void delete fields[key];
  return {
    remove,
    set: (value) =>
      void Object.defineProperty(fields, key, { value, enumerable: true, configurable: true, writable: true }),
    removeIfEmpty: () => {
      const value = fields[key];
      if (typeof value === "object" && value !== null && Object.keys(value).length === 0) remove();
    },
  };
}

function child(parent: unknown, step: string): unknown {
  if (Array.isArray(parent)) return (parent as unknown[])[indexIn(parent, step)];
  const key = unescape(step);
  return isFields(parent) && Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function indexIn(items: readonly unknown[], step: string): number {
  if (step.startsWith("=")) return items.findIndex((item) => isFields(item) && item["name"] === step.slice(1));
  return Number(step) < items.length ? Number(step) : -1;
}

function unescape(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** The text of an annotation as an undo; `undefined` when it is none. */
export function readUndo(text: unknown): Undo | undefined {
  if (typeof text !== "string") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isFields(value)) return undefined;
  const { remove, restore, removeEmpty } = value;
  return isTexts(remove) && isFields(restore) && isTexts(removeEmpty) ? { remove, restore, removeEmpty } : undefined;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
