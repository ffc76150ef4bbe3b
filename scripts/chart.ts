/**
 * The Helm chart in config/chart, made of the objects and settings of `postern install`: `node scripts/chart.ts` writes it,
 * `npm version` too. A test holds the files to it, and with real helm their outcome to that of `install`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import packageJson from "../package.json" with { type: "json" };
import { chartTemplates } from "./chart-templates.ts";
import { valuesFile, valuesSchema } from "./chart-values.ts";

const CONFIG = join(import.meta.dirname, "../config");
const DEFINITION = "policy.openservicemesh.io_ingressbackends.yaml";

/** @returns what is made, by its path in the chart; `templates/NOTES.txt` and `templates/contour.yaml` are written by hand */
export function chartFiles(): ReadonlyMap<string, string> {
  const { name, version, description } = packageJson;
  return new Map([
    [
      "Chart.yaml",
      stringify({ apiVersion: "v2", name, description, type: "application", version, appVersion: version }),
    ],
    ["values.yaml", valuesFile()],
    ["values.schema.json", valuesSchema()],
    [`crds/${DEFINITION}`, readFileSync(join(CONFIG, "crd", DEFINITION), "utf8")],
    ...[...chartTemplates()].map(([file, text]) => [`templates/${file}`, text] as const),
  ]);
}

if (import.meta.main)
  for (const [file, text] of chartFiles()) {
    const path = join(CONFIG, "chart", file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
