/** As much of JSON Schema (2020-12) as the schemas of the kit use. */
import { isIPv4, isIPv6 } from "node:net";

export interface Schema {
  readonly $schema?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly title?: string;
  readonly description?: string;
  readonly $ref?: string;
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: "object" | "array" | "string" | "integer" | "boolean";
  readonly pattern?: string;
  readonly format?: "ipv4" | "ipv6";
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly properties?: Readonly<Record<string, Schema>>;
}

const KEYWORDS: Readonly<Record<keyof Schema, true>> = {
  $schema: true,
  $defs: true,
  title: true,
  description: true,
  $ref: true,
  oneOf: true,
  const: true,
  enum: true,
  type: true,
  pattern: true,
  format: true,
  minimum: true,
  maximum: true,
  minItems: true,
  items: true,
  required: true,
  additionalProperties: true,
  properties: true,
};

/**
 * What is wrong with a value, each with its place: `cases[3].port: expected ...`.
 *
 * @param root where `$ref` points into
 * @throws on a keyword that is not known here: it would be left unchecked
 */
export function problemsOf(schema: Schema, value: unknown, path = "", root: Schema = schema): readonly string[] {
  const unknown = Object.keys(schema).find((keyword) => !Object.hasOwn(KEYWORDS, keyword));
  if (unknown !== undefined) throw new Error(`the schema has the keyword ${unknown}, which is not known`);
  if (schema.$ref !== undefined) return problemsOf(referred(schema.$ref, root), value, path, root);
  if (schema.oneOf !== undefined) return problemsOfForms(schema.oneOf, value, path, root);
  const expected = expectation(schema, value);
  if (expected !== undefined) return [`${path}: expected ${expected}, got ${JSON.stringify(value) ?? "nothing"}`];
  if (Array.isArray(value))
    return value.flatMap((item, index) => problemsOf(schema.items ?? {}, item, `${path}[${index}]`, root));
  if (typeof value === "object" && value !== null) return problemsOfFields(schema, value, path, root);
  return [];
}

function referred(reference: string, root: Schema): Schema {
  const schema = root.$defs?.[reference.replace(/^#\/\$defs\//, "")];
  if (schema === undefined) throw new Error(`the schema refers to ${reference}, which it has not`);
  return schema;
}

function problemsOfForms(forms: readonly Schema[], value: unknown, path: string, root: Schema): readonly string[] {
  const found = forms.map((form) => problemsOf(form, value, path, root));
  const fitting = found.filter((problems) => problems.length === 0).length;
  if (fitting === 1) return [];
  return [fitting === 0 ? found.map(([first]) => first).join("; or ") : `${path}: fits ${fitting} forms, expected one`];
}

/** What the value itself should be; `undefined` where it is. */
function expectation(schema: Schema, value: unknown): string | undefined {
  if ("const" in schema && value !== schema.const) return JSON.stringify(schema.const);
  if (schema.enum?.includes(value) === false) return `one of ${schema.enum.join(", ")}`;
  if (schema.type !== undefined && !isOfType(schema.type, value)) return `of type ${schema.type}`;
  if (typeof value === "string") {
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value))
      return `match of ${schema.pattern}`;
    if (schema.format === "ipv4" && !isIPv4(value)) return "an IPv4 address";
    if (schema.format === "ipv6" && !isIPv6(value)) return "an IPv6 address";
  }
  if (typeof value === "number") {
    if (value < (schema.minimum ?? value)) return `${schema.minimum} at least`;
    if (value > (schema.maximum ?? value)) return `${schema.maximum} at most`;
  }
  if (Array.isArray(value) && value.length < (schema.minItems ?? 0)) return `${schema.minItems} items at least`;
  return undefined;
}

function isOfType(type: NonNullable<Schema["type"]>, value: unknown): boolean {
  switch (type) {
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "string":
    case "boolean":
      return typeof value === type;
  }
}

function problemsOfFields(schema: Schema, value: object, path: string, root: Schema): readonly string[] {
  const { properties = {}, required = [] } = schema;
  const at = (name: string): string => (path === "" ? name : `${path}.${name}`);
  const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${at(name)}: is missing`);
  const wrong = Object.entries(value).flatMap(([name, field]) => {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known !== undefined) return problemsOf(known, field, at(name), root);
    return schema.additionalProperties === false ? [`${at(name)}: is not known`] : [];
  });
  return [...missing, ...wrong];
}
