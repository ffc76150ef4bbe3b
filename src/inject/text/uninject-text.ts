/** Sidecars taken out of the pods of a text. Pure. */
import { SOURCE } from "../annotations.ts";
import { fieldsAt } from "../fields.ts";
import type { Fields } from "../injection.ts";
import { podAt, podPath, withPod } from "../kinds.ts";
import { isRecorded, unrecorded, withoutAnnotation } from "../record.ts";
import { setDifferent } from "./document.ts";
import { applyEdits, editsBack, type Edit } from "./edit.ts";
import { readObjects, type TextObject } from "./objects.ts";

export type UninjectedText =
  | {
      readonly kind: "uninjected";
      readonly text: string;
      /** From the text that was given. */
      readonly edits: readonly Edit[];
      /** Lines of objects that were changed after their injection: their content is what it was, their layout may not be. */
      readonly relaid: readonly number[];
    }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** Byte for byte what was injected; objects that were changed since then are taken apart by their record. */
export function uninjectText(text: string): UninjectedText {
  const read = readObjects(text);
  if ("problem" in read) return { kind: "refused", problems: [`line ${read.line}: ${read.problem}`] };
  const edits: Edit[] = [];
  const changed: TextObject[] = [];
  for (const object of read.objects) {
    const way = fieldsAt(fieldsAt(object.value, "metadata"), "annotations")[SOURCE];
    const back = typeof way === "string" ? editsBack(text, object.node.range?.[0] ?? 0, way) : undefined;
    if (back !== undefined) edits.push(...back);
    else if (way !== undefined || hasRecord(object.value)) changed.push(object);
  }
  if (changed.length === 0) return { kind: "uninjected", text: applyEdits(text, edits), edits, relaid: [] };
  const rest = takeApart(applyEdits(text, edits));
  if (rest.kind === "refused") return rest;
  return { ...rest, edits: [{ start: 0, end: text.length, text: rest.text }] };
}

function hasRecord(object: Fields): boolean {
  const path = podPath(object);
  return isRecorded(object) || (path !== undefined && isRecorded(podAt(object, path) ?? {}));
}

/** By the content of the objects: comments and order stay, indentation and quotes are the printer's. */
function takeApart(text: string): UninjectedText {
  const read = readObjects(text);
  if ("problem" in read) return { kind: "refused", problems: [`line ${read.line}: ${read.problem}`] };
  const problems: string[] = [];
  const documents = new Set<TextObject["document"]>();
  const relaid: number[] = [];
  for (const object of read.objects) {
    const { value, document, path, line } = object;
    if (!hasRecord(value) && fieldsAt(fieldsAt(value, "metadata"), "annotations")[SOURCE] === undefined) continue;
    const clean = cleaned(value);
    if (clean === undefined)
      problems.push(
        `line ${line}: the record of the injection cannot be read; restore it, or take the sidecar out by hand`,
      );
    else {
      setDifferent(document, path, value, clean);
      documents.add(document);
      relaid.push(line);
    }
  }
  if (problems.length > 0) return { kind: "refused", problems };
  const edits = read.documents.flatMap((document, index): readonly Edit[] => {
    if (!documents.has(document)) return [];
    const start = read.documents[index - 1]?.range?.[2] ?? 0;
    const end = document.range?.[2] ?? text.length;
    const marker = /^---/m.test(text.slice(start, end)) ? "---\n" : "";
    return [{ start, end, text: marker + document.toString({ lineWidth: 0, directives: false }) }];
  });
  return { kind: "uninjected", text: applyEdits(text, edits), edits, relaid };
}

/** What the object was; the way back of its text is of no use any more. */
function cleaned(object: Fields): Fields | undefined {
  const whole = isRecorded(object) ? unrecorded(object) : object;
  if (whole === undefined) return undefined;
  const path = podPath(whole);
  const pod = path === undefined ? undefined : podAt(whole, path);
  const clean = path !== undefined && pod !== undefined && isRecorded(pod) ? unrecorded(pod) : undefined;
  if (pod !== undefined && isRecorded(pod) && clean === undefined) return undefined;
  return withoutAnnotation(clean === undefined ? whole : withPod(whole, path ?? [], clean), SOURCE);
}
