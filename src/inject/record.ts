/** The annotation by which a changed manifest can be made what it was. Pure. */
import { isDeepStrictEqual } from "node:util";
import { INJECTED } from "./annotations.ts";
import { fieldsAt, isFields } from "./fields.ts";
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

/** Without the annotation, and without a collection that held nothing else. */
export function withoutAnnotation(manifest: Fields, name: string): Fields {
  const { metadata } = manifest;
  if (!isFields(metadata) || !isFields(metadata["annotations"]) || !Object.hasOwn(metadata["annotations"], name))
    return manifest;
  const { [name]: _gone, ...annotations } = metadata["annotations"];
  const { annotations: _all, ...rest } = metadata;
  const left = Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
  const { metadata: _metadata, ...others } = manifest;
  return Object.keys(left).length === 0 ? others : { ...manifest, metadata: left };
}
