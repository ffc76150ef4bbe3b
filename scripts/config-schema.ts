/**
 * The JSON schema of the configuration file, for editors: `node scripts/config-schema.ts > config/postern.schema.json`.
 * Made of the table of settings; a test holds the file to it.
 */
import { LIMIT_SETTINGS, SETTINGS, type Setting } from "../src/config/settings.ts";

const SCALAR = { type: ["string", "number", "boolean"] } as const;

function schemaOf(setting: Setting): object {
  const { help, repeatable, value } = setting;
  if (repeatable === true) return { description: help, oneOf: [SCALAR, { type: "array", items: SCALAR }] };
  return { description: help, ...(value === undefined ? { type: "boolean" } : SCALAR) };
}

/** @returns the text of the file */
export function configSchema(): string {
  const properties = Object.fromEntries([...SETTINGS, ...LIMIT_SETTINGS].map((entry) => [entry.name, schemaOf(entry)]));
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of postern run",
    type: "object",
    additionalProperties: false,
    properties,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) process.stdout.write(configSchema());
