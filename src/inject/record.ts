/** The annotation by which a changed manifest can be made what it was. Pure. */
import { isDeepStrictEqual } from "node:util";
import { INJECTED } from "./annotations.ts";
import { fieldsAt } from "./fields.ts";
import type { Fields } from "./injection.ts";
import { applyUndo, readUndo, undoOf } from "./undo.ts";

export function isRecorded({ metadata }: Fields): boolean {
  return Object.hasOwn(fieldsAt({ metadata }, "metadata")["annotations"] ?? {}, INJECTED);
}

/** `after` with the annotation that says how to come back to `before`. */
export function recorded<Manifest extends Fields>(before: Manifest, after: Manifest): Manifest {
  const undo = undoOf(before, annotated(after, ""));
  return annotated(after, JSON.stringify(undo));
}

/** What a manifest was before; `undefined` where its annotation is missing or cannot be read. */
export function unrecorded<Manifest extends Fields>(manifest: Manifest): Manifest | undefined {
  const undo = readUndo(fieldsAt(fieldsAt(manifest, "metadata"), "annotations")[INJECTED]);
  if (undo === undefined) return undefined;
  const before = applyUndo(manifest, undo);
  // An annotation that does not even take itself away says nothing of this manifest.
  return isDeepStrictEqual(before, manifest) || isRecorded(before) ? undefined : before;
}

export function annotated<Manifest extends Fields>(manifest: Manifest, value: string, name = INJECTED): Manifest {
  const metadata = fieldsAt(manifest, "metadata");
  const annotations = { ...fieldsAt(metadata, "annotations"), [name]: value };
  return { ...manifest, metadata: { ...metadata, annotations } };
}
