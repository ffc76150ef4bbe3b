import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DEFAULT_OPTIONS } from "../../src/inject/injection.ts";
import { VERSION } from "../../src/install/version.ts";

test("the version is that of package.json, and of the images that are installed", () => {
  const text = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
  assert.equal(VERSION, (JSON.parse(text) as { readonly version: string }).version);
  assert.equal(DEFAULT_OPTIONS.image, `postern:${VERSION}`);
  assert.equal(DEFAULT_OPTIONS.redirectImage, `postern-redirect:${VERSION}`);
});
