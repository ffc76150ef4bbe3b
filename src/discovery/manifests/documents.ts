/** The text of a manifest as the Kubernetes objects in it, each with the place where it stands. Pure. */
import { LineCounter, parseAllDocuments, isNode, type Document, type Node } from "yaml";

/** One object and where it came from. */
export interface ManifestObject {
  readonly value: Readonly<Record<string, unknown>>;
  readonly kind: string;
  readonly apiVersion: string;
  readonly file: string;
  /** Counted from 1. */
  readonly document: number;
  /** Line of the object's own start. */
  readonly line: number;
  /** Line of a place inside the object such as `spec.backends[0].port`, or of its nearest parent. */
  readonly lineOf: (path: string) => number;
}

/** Why a file cannot be used. */
export interface ManifestFault {
  readonly file: string;
  readonly document: number;
  readonly line: number;
  readonly message: string;
}

export type ManifestText = { readonly objects: readonly ManifestObject[] } | { readonly fault: ManifestFault };

/** Aliases that a document may resolve: more than any manifest has, and few enough that nested ones stay small. */
const MAX_ALIASES = 100;

/** YAML 1.2 with any number of documents; JSON is a part of it. `kind: List` is taken apart. A file is good as a whole or not at all. */
export function readManifest(file: string, text: string): ManifestText {
  const { objects, faults } = readDocuments(file, text);
  const [fault] = faults;
  return fault === undefined ? { objects } : { fault };
}

/** Every document by itself: what is wrong with one hides nothing of the others. */
export function readDocuments(
  file: string,
  text: string,
): { readonly objects: readonly ManifestObject[]; readonly faults: readonly ManifestFault[] } {
  const lines = new LineCounter();
  const objects: ManifestObject[] = [];
  const faults: ManifestFault[] = [];
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    prettyErrors: false,
  });
  for (const [index, document] of [...documents].entries()) {
    const found = readDocument(document, lines, { file, document: index + 1 });
    if ("message" in found) faults.push(found);
    // A List may hold more than a call takes arguments.
    else for (const object of found.objects) objects.push(object);
  }
  return { objects, faults };
}

function readDocument(
  document: Document,
  lines: LineCounter,
  place: Place,
): ManifestFault | { readonly objects: readonly ManifestObject[] } {
  const [error] = document.errors;
  if (error !== undefined) return { ...place, line: lines.linePos(error.pos[0]).line, message: error.message };
  const line = lineOf(lines, document.contents);
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (value === null || value === undefined) return { objects: [] };
    // A List can hold itself, by an alias: then the stack ends this.
    const objects = readObject(value, document, lines, [], place);
    if (objects !== undefined) return { objects };
  } catch (cause) {
    return { ...place, line, message: cause instanceof Error ? cause.message : String(cause) };
  }
  return { ...place, line, message: "expected a Kubernetes object: a mapping with 'apiVersion' and 'kind'" };
}

type Place = { readonly file: string; readonly document: number };

function readObject(
  value: unknown,
  document: Document,
  lines: LineCounter,
  path: readonly (string | number)[],
  place: Place,
): readonly ManifestObject[] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const record = value as Readonly<Record<string, unknown>>;
  const { kind, apiVersion, items } = record;
  if (typeof kind !== "string" || typeof apiVersion !== "string") return undefined;
  if (kind === "List" || (kind.endsWith("List") && Array.isArray(items))) {
    const inner = (Array.isArray(items) ? items : []).map((item, index) =>
      readObject(item, document, lines, [...path, "items", index], place),
    );
    return inner.some((objects) => objects === undefined) ? undefined : inner.flatMap((objects) => objects ?? []);
  }
  const nodeAt = (steps: readonly (string | number)[]): unknown =>
    steps.length === 0 ? document.contents : document.getIn(steps, true);
  return [
    {
      value: record,
      kind,
      apiVersion,
      ...place,
      line: lineOf(lines, nodeAt(path)),
      lineOf: (text) => {
        const steps = [...path, ...stepsOf(text)];
        while (steps.length > path.length && !isNode(nodeAt(steps))) steps.pop();
        return lineOf(lines, nodeAt(steps));
      },
    },
  ];
}

/** `spec.backends[0].name` as `["spec", "backends", 0, "name"]`. */
function stepsOf(path: string): readonly (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) =>
    index === undefined ? (name ?? "") : Number(index),
  );
}

function lineOf(lines: LineCounter, node: unknown): number {
  const start = isNode(node) ? (node as Node).range?.[0] : undefined;
  return start === undefined ? 1 : lines.linePos(start).line;
}
