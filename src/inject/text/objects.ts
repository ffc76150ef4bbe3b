/** The objects in a text of any number of YAML or JSON documents, each with its node. Pure. */
import { isMap, LineCounter, parseAllDocuments, type Document, type ScalarTag, type YAMLMap } from "yaml";
import { isFields } from "../fields.ts";
import type { Fields } from "../injection.ts";

/** Aliases may be resolved this often: far beyond what anybody writes, far below a bomb. */
const MAX_ALIASES = 100;

/**
 * Whole numbers that would be printed otherwise than they stand: Kubernetes reads 0644 as an octal number (YAML 1.1), and
 * what has more than 15 digits is not kept by a number of JavaScript.
 */
const AS_WRITTEN: ScalarTag = {
  tag: "tag:yaml.org,2002:int",
  identify: (value) => typeof value === "number",
  default: true,
  format: "AS-WRITTEN",
  test: /^[-+]?(?:0[0-9]+|[0-9]{16,})$/,
  resolve: Number,
  stringify: ({ source, value }) => source ?? String(value),
};

export interface TextObject {
  readonly value: Fields;
  readonly node: YAMLMap;
  readonly document: Document;
  /** Path within the document: empty, or that of an item of a List. */
  readonly path: readonly (string | number)[];
  /** Counted from 1. */
  readonly line: number;
}

export interface TextFault {
  readonly line: number;
  readonly problem: string;
}

export interface ReadText {
  readonly documents: readonly Document[];
  readonly objects: readonly TextObject[];
}

/** Objects without a `kind` and documents without content are passed over; `kind: List` is gone into. */
export function readObjects(text: string): ReadText | TextFault {
  const lines = new LineCounter();
  const documents = [
    ...parseAllDocuments(text, {
      lineCounter: lines,
      strict: true,
      prettyErrors: false,
      customTags: (tags) => [AS_WRITTEN, ...tags],
    }),
  ] as Document[];
  const objects: TextObject[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) return { line: lines.linePos(error.pos[0]).line, problem: error.message };
    const read = valueOf(document);
    if ("problem" in read) return { line: lines.linePos(document.range?.[0] ?? 0).line, problem: read.problem };
    // A List may hold more than a call takes arguments.
    for (const object of objectsIn(read.value, document, [], lines)) objects.push(object);
  }
  return { documents, objects };
}

/** The content of a document, or why its aliases cannot be resolved. */
function valueOf(document: Document): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function objectsIn(
  value: unknown,
  document: Document,
  path: readonly (string | number)[],
  lines: LineCounter,
): readonly TextObject[] {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isFields(value) || !isMap(node)) return [];
  const { kind, items } = value;
  if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items))
    return items.flatMap((item, index) => objectsIn(item, document, [...path, "items", index], lines));
  return [{ value, node, document, path, line: lines.linePos(node.range?.[0] ?? 0).line }];
}
