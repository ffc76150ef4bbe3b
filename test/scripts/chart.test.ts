/** What real helm makes of the chart is tested at a real API server, in `test/cluster/chart.cluster.ts`. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { chartFiles } from "../../scripts/chart.ts";
import { SETTABLE } from "../../src/cli/install-options.ts";

const chart = join(import.meta.dirname, "../../config/chart");
const BY_HAND = ["templates/NOTES.txt", "templates/contour.yaml"];

test("the chart is made of the objects and settings of postern install: node scripts/chart.ts", () => {
  const made = chartFiles();
  for (const [file, text] of made) assert.equal(readFileSync(join(chart, file), "utf8"), text, file);
  const there = globSync("**/*.*", { cwd: chart });
  assert.deepEqual(there.toSorted(), [...made.keys(), ...BY_HAND].toSorted());
});

test("its values are the keys of --set and mesh-name, each with a schema", () => {
  const expected = ["mesh-name", ...SETTABLE.filter((key) => key !== "contour.enabled")];
  assert.deepEqual(Object.keys(parse(readFileSync(join(chart, "values.yaml"), "utf8")) as object), expected);
  const schema = JSON.parse(readFileSync(join(chart, "values.schema.json"), "utf8")) as {
    readonly additionalProperties: boolean;
    readonly properties: object;
  };
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(Object.keys(schema.properties), [...expected, "global", "contour"]);
});
