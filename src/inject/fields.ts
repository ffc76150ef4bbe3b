/** Reading what may be anything. */
import type { Fields } from "./injection.ts";

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The mapping at a key; absent, null and anything else are an empty one. */
export function fieldsAt(fields: Fields | undefined, key: string): Fields {
  const value = fields?.[key];
  return isFields(value) ? value : {};
}

/** The mappings of a list at a key; whatever else stands there is left out. */
export function itemsAt(fields: Fields, key: string): readonly Fields[] {
  const value = fields[key];
  return Array.isArray(value) ? value.filter(isFields) : [];
}

export function textAt(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  return typeof value === "string" ? value : undefined;
}

/** The same list with one more at its end; what is no list becomes one. */
export function appended(list: unknown, ...items: readonly unknown[]): readonly unknown[] {
  return [...(Array.isArray(list) ? (list as readonly unknown[]) : []), ...items];
}
