/** Label and field selectors, as far as Postern and kubectl use them. */
import type { StoredObject } from "./store.ts";

export type Selection = (object: StoredObject) => boolean;

/** `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by commas; fields: `metadata.name` and `metadata.namespace`. */
export function readSelection(labelSelector: string, fieldSelector: string): Selection {
  const labels = terms(labelSelector).map((term) => labelTest(term));
  const fields = terms(fieldSelector).map((term) => fieldTest(term));
  return (object) => [...labels, ...fields].every((test) => test(object));
}

function terms(selector: string): readonly string[] {
  return selector.split(",").filter((term) => term !== "");
}

function labelTest(term: string): Selection {
  const [, key = "", operator, value] = /^(!?[^!=]+)(?:(!=|==?)(.*))?$/.exec(term) ?? [];
  const labelOf = (object: StoredObject, name: string): string | undefined => object.metadata.labels?.[name];
  if (operator === "!=") return (object) => labelOf(object, key) !== value;
  if (operator !== undefined) return (object) => labelOf(object, key) === value;
  if (key.startsWith("!")) return (object) => labelOf(object, key.slice(1)) === undefined;
  return (object) => labelOf(object, key) !== undefined;
}

function fieldTest(term: string): Selection {
  const [field, value] = term.split(/==?/);
  if (field === "metadata.name") return (object) => object.metadata.name === value;
  if (field === "metadata.namespace") return (object) => object.metadata.namespace === value;
  throw new RangeError(`the stand-in cannot select by ${term}`);
}
