/** What a pod says about its own injection: OSM's annotations and ours. Pure. */
import { fieldsAt } from "./fields.ts";
import type { Fields, InjectOptions, PodManifest, Traffic } from "./injection.ts";

/** OSM reads it from annotations; a label of the same name counts too, since object selectors can only see labels. */
export const SIDECAR_INJECTION = "openservicemesh.io/sidecar-injection";
/** Ports that OSM does not capture; here they are not guarded. */
const INBOUND_PORT_EXCLUSION = "openservicemesh.io/inbound-port-exclusion-list";
const TRAFFIC = "postern.dev/traffic";
/** Exactly these ports are guarded, by number or name, whatever the containers declare. */
export const PORTS = "postern.dev/ports";
/** What injection changed, so that it can be taken back. */
export const INJECTED = "postern.dev/injected";
/** On a manifest's own metadata: how its text was changed. */
export const SOURCE = "postern.dev/source";

export interface PodChoices {
  readonly inject: boolean;
  /** Something of the pod itself has chosen. */
  readonly chosen: boolean;
  readonly traffic: Traffic;
  readonly excludedPorts: readonly number[];
  readonly ports?: readonly (number | string)[];
}

export interface UnusableField {
  readonly field: string;
  readonly problem: string;
  readonly mend: string;
}

export function readChoices(pod: PodManifest, options: InjectOptions): PodChoices | UnusableField {
  const annotations = fieldsAt(pod.metadata, "annotations");
  const inject = readSwitch(annotations[SIDECAR_INJECTION] ?? fieldsAt(pod.metadata, "labels")[SIDECAR_INJECTION]);
  if (inject === "unusable")
    return unusable(
      SIDECAR_INJECTION,
      annotations[SIDECAR_INJECTION],
      "enabled or disabled (also true, yes, false, no)",
    );
  const traffic = annotations[TRAFFIC] ?? options.traffic;
  if (traffic !== "redirect" && traffic !== "target-port") return unusable(TRAFFIC, traffic, "redirect or target-port");
  const excluded = readPortList(annotations[INBOUND_PORT_EXCLUSION] ?? "");
  if (excluded === undefined || !excluded.every((port) => typeof port === "number"))
    return unusable(INBOUND_PORT_EXCLUSION, annotations[INBOUND_PORT_EXCLUSION], 'port numbers such as "6379,7070"');
  const ports = annotations[PORTS] === undefined ? undefined : readPortList(annotations[PORTS]);
  if (annotations[PORTS] !== undefined && (ports === undefined || ports.length === 0))
    return unusable(PORTS, annotations[PORTS], 'port numbers or names such as "80,metrics"');
  return {
    inject: inject ?? options.injectByDefault,
    chosen: inject !== undefined,
    traffic,
    excludedPorts: excluded,
    ...(ports !== undefined && { ports }),
  };
}

/** What an object says by annotation or label; `undefined` where it says nothing, or nothing that is understood. */
export function injectionOf(object: Fields | undefined): boolean | undefined {
  const metadata = fieldsAt(object, "metadata");
  const said = readSwitch(
    fieldsAt(metadata, "annotations")[SIDECAR_INJECTION] ?? fieldsAt(metadata, "labels")[SIDECAR_INJECTION],
  );
  return said === "unusable" ? undefined : said;
}

/** OSM's words (pkg/injector/webhook.go, isAnnotatedForInjection), in any case. */
export function readSwitch(value: unknown): boolean | "unusable" | undefined {
  if (value === undefined || value === null) return undefined;
  switch (typeof value === "string" ? value.toLowerCase() : value) {
    case "enabled":
    case "yes":
    case "true":
      return true;
    case "disabled":
    case "no":
    case "false":
      return false;
    default:
      return "unusable";
  }
}

/** `undefined` for what is no list of ports. Names are those of container ports (RFC 6335: up to 15 characters). */
function readPortList(value: unknown): readonly (number | string)[] | undefined {
  if (typeof value !== "string") return undefined;
  const parts = value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const sound = (part: number | string): boolean =>
    typeof part === "number" ? part >= 1 && part <= 65_535 : /^[a-z0-9-]{1,15}$/.test(part);
  return parts.every(sound) ? parts : undefined;
}

function unusable(annotation: string, value: unknown, expected: string): UnusableField {
  return {
    field: `metadata.annotations["${annotation}"]`,
    problem: `the value ${JSON.stringify(value) ?? "of the label"} is not understood`,
    mend: `write ${expected}`,
  };
}
