import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { configSchema } from "../../scripts/config-schema.ts";

const config = (name: string): string => readFileSync(join(import.meta.dirname, "../../config", name), "utf8");

test("the schema of the configuration file is that of the settings: node scripts/config-schema.ts > config/postern.schema.json", () => {
  assert.deepEqual(JSON.parse(config("postern.schema.json")), JSON.parse(configSchema()));
});

test("the annotated file points an editor to the schema, and has no key that it lacks", () => {
  const text = config("postern.yaml");
  assert.match(text, /^# yaml-language-server: \$schema=postern\.schema\.json$/m);
  const { properties } = JSON.parse(config("postern.schema.json")) as { readonly properties: object };
  for (const key of Object.keys(parse(text) as object)) assert.ok(Object.hasOwn(properties, key), key);
});
