/** What `--set KEY=VALUE` may say beside the flags of `postern controller`. Pure. */
import { CONTROLLER_DEFAULTS, type ControllerObjectsOptions } from "../controller/manifests/controller-objects.ts";

/** `--set` as it was given: each key with its values. */
export type Settings = ReadonlyMap<string, readonly string[]>;

type Own = Pick<ControllerObjectsOptions, "replicas" | "requests" | "limits" | "failurePolicy">;

/** OSM's own key of `--with-contour`. */
const CONTOUR_KEY = "contour.enabled";

export const OWN_KEYS = ["replicas", "requests", "limits", "failure-policy", CONTOUR_KEY] as const;

const QUANTITY = /^([a-z][a-z0-9./-]*)=(\d+(?:\.\d+)?(?:m|k|M|G|Ki|Mi|Gi)?)$/;

/** @param problems takes everything that is wrong, each with its key */
export function readOwnSettings(settings: Settings, problems: string[]): Own & { readonly contour: boolean } {
  const one = <Value>(
    key: string,
    otherwise: Value,
    expected: string,
    read: (text: string) => Value | undefined,
  ): Value => {
    const [text] = settings.get(key) ?? [];
    if (text === undefined) return otherwise;
    const value = read(text);
    if (value === undefined) problems.push(`--set ${key} has the value '${text}'; expected ${expected}`);
    return value ?? otherwise;
  };
  const quantities = (text: string): Readonly<Record<string, string>> | undefined => {
    const parts = text.split(",").map((part) => QUANTITY.exec(part));
    return parts.includes(null) ? undefined : Object.fromEntries(parts.map((part) => [part?.[1], part?.[2]]));
  };
  const list = "quantities such as cpu=50m,memory=128Mi";
  return {
    replicas: one<number>("replicas", CONTROLLER_DEFAULTS.replicas, "a number from 1 to 9", (text) =>
      /^[1-9]$/.test(text) ? Number(text) : undefined,
    ),
    requests: one<Readonly<Record<string, string>>>("requests", CONTROLLER_DEFAULTS.requests, list, quantities),
    limits: one<Readonly<Record<string, string>>>("limits", CONTROLLER_DEFAULTS.limits, list, quantities),
    failurePolicy: one<Own["failurePolicy"]>(
      "failure-policy",
      CONTROLLER_DEFAULTS.failurePolicy,
      "Fail or Ignore",
      (text) => (text === "Fail" || text === "Ignore" ? text : undefined),
    ),
    contour: one(CONTOUR_KEY, false, "true or false", (text) => ({ true: true, false: false })[text]),
  };
}

/** `KEY=VALUE` as it stands on the command line. */
export function readSettings(given: readonly string[], known: readonly string[], problems: string[]): Settings {
  const settings = new Map<string, string[]>();
  for (const text of given) {
    const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (!known.includes(key)) problems.push(`--set has '${text}'; expected KEY=VALUE with one of ${known.join(", ")}`);
    else if (settings.has(key) && key !== "gateway") problems.push(`--set ${key} is given more than once`);
    else settings.set(key, [...(settings.get(key) ?? []), value]);
  }
  return settings;
}
