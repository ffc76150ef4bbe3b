/** A document brought from one content to another with its nodes, and so their comments, kept. */
import { isDeepStrictEqual } from "node:util";
import type { Document } from "yaml";
import { isFields } from "../fields.ts";

type Path = readonly (string | number)[];

export function setDifferent(document: Document, path: Path, was: unknown, is: unknown): void {
  if (isDeepStrictEqual(was, is)) return;
  if (isFields(was) && isFields(is)) {
    for (const key of Object.keys(was)) if (!Object.hasOwn(is, key)) document.deleteIn([...path, key]);
    for (const key of Object.keys(is)) {
      if (Object.hasOwn(was, key)) setDifferent(document, [...path, key], was[key], is[key]);
      else document.setIn([...path, key], document.createNode(is[key]));
    }
  } else if (Array.isArray(was) && Array.isArray(is) && setItems(document, path, was, is)) return;
  else document.setIn(path, document.createNode(is));
}

/** Items that are gone are named; false where what is left is not the same items in the same order. */
function setItems(document: Document, path: Path, was: readonly unknown[], is: readonly unknown[]): boolean {
  const names = new Set(is.map(nameOf));
  const left = was.length === is.length ? was : was.filter((item) => names.has(nameOf(item)));
  if (left.length !== is.length) return false;
  for (let index = was.length - 1; index >= 0; index -= 1)
    if (!left.includes(was[index])) document.deleteIn([...path, index]);
  for (const [index, item] of left.entries()) setDifferent(document, [...path, index], item, is[index]);
  return true;
}

function nameOf(item: unknown): unknown {
  return isFields(item) ? item["name"] : undefined;
}
