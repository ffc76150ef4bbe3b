/**
 * The values of the Helm chart: the keys of `postern install --set`, and `mesh-name`. The schema refuses what is misspelt
 * and what could not stand in a manifest; what a setting means is judged by the controller, which reads it.
 */
import { stringify } from "yaml";
import { CONTROLLER_KEYS } from "../src/cli/install-options.ts";
import { CONTROLLER_DEFAULTS } from "../src/controller/manifests/controller-objects.ts";

interface ChartValue {
  readonly key: string;
  readonly help: string;
  /** An empty text or list: the controller's own default. */
  readonly fallback: unknown;
  readonly schema: object;
}

const LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const DNS = `${LABEL}(\\.${LABEL})*`;
const text = (pattern: string): object => ({ type: "string", pattern: `^(${pattern})?$` });
const choice = (...values: readonly string[]): object => ({ enum: values });
const QUANTITIES = {
  type: "object",
  propertyNames: { pattern: "^[a-z][a-z0-9./-]*$" },
  additionalProperties: { type: ["string", "number"], pattern: "^\\d+(\\.\\d+)?(m|k|M|G|Ki|Mi|Gi)?$" },
};
const IMAGE = text('[^\\s"\\\\]+');
const VALIDITY = text("(\\d+(\\.\\d+)?(h|ms|m|s))+");
const DURATION = text("0|off|\\d+(\\.\\d+)?(ms|s|m|h)");

/** By the controller's flag. */
const FORMS: Readonly<Record<string, object>> = {
  "trust-domain": { type: "string", pattern: `^${DNS}$` },
  "ca-secret": text(DNS),
  "ca-validity": VALIDITY,
  "ca-overlap": DURATION,
  validity: VALIDITY,
  gateway: { type: "array", items: { type: "string", pattern: `^(${LABEL}/)?${DNS}=${DNS}$` } },
  image: IMAGE,
  "redirect-image": IMAGE,
  traffic: choice("", "redirect", "target-port"),
  classic: { type: "boolean" },
  "lease-duration": DURATION,
  "drain-delay": DURATION,
  "log-level": choice("", "debug", "info", "warn", "error"),
};

const FALLBACKS: Readonly<Record<string, unknown>> = { "trust-domain": "cluster.local", gateway: [], classic: false };

function ofController(): readonly ChartValue[] {
  return CONTROLLER_KEYS.map(({ name, help }) => {
    const schema = FORMS[name];
    if (schema === undefined) throw new Error(`scripts/chart-values.ts: give --${name} of the controller a form`);
    return { key: name, help, fallback: FALLBACKS[name] ?? "", schema };
  });
}

function chartValues(): readonly ChartValue[] {
  const { replicas, requests, limits, failurePolicy } = CONTROLLER_DEFAULTS;
  return [
    {
      key: "mesh-name",
      help: "of the mesh, and of the label openservicemesh.io/monitored-by of its namespaces",
      fallback: "osm",
      schema: { type: "string", pattern: `^${LABEL}$` },
    },
    ...ofController(),
    {
      key: "replicas",
      help: "of the controller",
      fallback: replicas,
      schema: { type: "integer", minimum: 1, maximum: 9 },
    },
    { key: "requests", help: "of a replica", fallback: requests, schema: QUANTITIES },
    { key: "limits", help: "of a replica", fallback: limits, schema: QUANTITIES },
    {
      key: "failure-policy",
      help: "what becomes of pods and IngressBackends of the mesh while no replica answers: Fail or Ignore",
      fallback: failurePolicy,
      schema: choice("Fail", "Ignore"),
    },
  ];
}

export function valuesSchema(): string {
  const properties = chartValues().map(({ key, help, schema }) => [key, { description: help, ...schema }] as const);
  const schema = {
    // Helm before 3.18 knows none newer.
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of Postern's chart",
    type: "object",
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(properties),
      global: { description: "Helm's own, of charts that hold this one", type: "object" },
      contour: { description: "OSM's value, refused with what to do instead", type: "object" },
    },
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

export function valuesFile(): string {
  const entries = chartValues().map(
    ({ key, help, fallback }) => `# ${help}\n${stringify({ [key]: fallback }, { version: "1.1", lineWidth: 0 })}`,
  );
  return `# Keys of 'postern install --set', and mesh-name. What is empty is left to the default, in parentheses.\n\n${entries.join("\n")}`;
}
