/** Reading values whose shape nobody vouches for. In every Kubernetes object null means absent. */

export type UnknownRecord = Readonly<Record<string, unknown>>;

/** An object that is no array; own properties only are ever read from it. */
export function asRecord(value: unknown): UnknownRecord | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as UnknownRecord) : undefined;
}

/** Own property, so that `__proto__` and `constructor` never answer; null is absent. */
export function field(record: UnknownRecord | undefined, name: string): unknown {
  if (record === undefined || !Object.hasOwn(record, name)) return undefined;
  return record[name] ?? undefined;
}

export function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Empty for whatever is no array. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/** Name of a value's type as the API server words it. */
export function typeName(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
