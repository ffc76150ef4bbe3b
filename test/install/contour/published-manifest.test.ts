import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { publishedManifest } from "../../../src/install/contour/published-manifest.ts";
import { freePorts } from "../../support/process/ports.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";

test("a file is read as it is", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "contour.yaml");
  writeFileSync(file, "kind: Service\n");
  assert.equal(await publishedManifest(file), "kind: Service\n");
});

test("what would come without TLS, or is not there, is refused by name", async () => {
  const [port = 0] = await freePorts(1);
  await assert.rejects(
    publishedManifest("http://127.0.0.1/contour.yaml"),
    /http:\/\/127\.0\.0\.1\/contour\.yaml: expected a file or an https URL/,
  );
  await assert.rejects(publishedManifest("/nowhere/contour.yaml"), /\/nowhere\/contour\.yaml cannot be read: ENOENT/);
  await assert.rejects(
    publishedManifest(`https://127.0.0.1:${port}/contour.yaml`),
    /cannot be read: .*ECONNREFUSED.*--with-contour=FILE/,
  );
});
