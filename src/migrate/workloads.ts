/** The pods of an OSM mesh as injection meets them: who gets a sidecar, and which ports are guarded. Pure. */
import { readSwitch, SIDECAR_INJECTION } from "../inject/annotations.ts";
import { fieldsAt, textAt } from "../inject/fields.ts";
import { injectPod } from "../inject/inject-pod.ts";
import { DEFAULT_OPTIONS, type Fields, type Injection, type PodManifest } from "../inject/injection.ts";
import { podAt, podPath } from "../inject/kinds.ts";
import { selects, targetPorts } from "../inject/services.ts";
import { namespaceOf, type Installation } from "./installation.ts";

export const INBOUND_EXCLUSION = "openservicemesh.io/inbound-port-exclusion-list";

export interface Workload {
  readonly object: Fields;
  readonly pod: PodManifest;
  /** The Services of its namespace that select it. */
  readonly services: readonly Fields[];
  /** OSM gives its pods a sidecar. */
  readonly injected: boolean;
  /** What Postern makes of its pods, with the ports that the MeshConfig excludes left out. */
  readonly injection: Injection;
  /** Ports that have to be added to its own annotation, so that the MeshConfig's list holds. */
  readonly excluded?: string;
}

/** Said by annotation or label of a namespace; `undefined` where it says nothing, and OSM injects pods that ask alone. */
export function injectionOf(namespace: Fields | undefined): boolean | undefined {
  const metadata = fieldsAt(namespace, "metadata");
  const said = readSwitch(
    fieldsAt(metadata, "annotations")[SIDECAR_INJECTION] ?? fieldsAt(metadata, "labels")[SIDECAR_INJECTION],
  );
  return said === "unusable" ? undefined : said;
}

export function workloadsOf(installation: Installation): readonly Workload[] {
  const traffic = fieldsAt(fieldsAt(installation.meshConfig, "spec"), "traffic");
  const list = traffic["inboundPortExclusionList"];
  const everywhere = Array.isArray(list) ? list.filter((port) => typeof port === "number") : [];
  return ["Deployment", "StatefulSet", "DaemonSet"].flatMap(installation.of).flatMap((object) => {
    const pod = podAt(object, podPath(object) ?? ["spec", "template"]);
    return pod === undefined ? [] : [workloadOf(object, pod, everywhere, installation)];
  });
}

function workloadOf(
  object: Fields,
  pod: PodManifest,
  everywhere: readonly number[],
  installation: Installation,
): Workload {
  const services = installation.of("Service").filter((service) => selects(service, object, pod));
  const byDefault = injectionOf(installation.namespaces.get(namespaceOf(object))) ?? false;
  const annotations = fieldsAt(pod.metadata, "annotations");
  const own = (textAt(annotations, INBOUND_EXCLUSION) ?? "")
    .split(",")
    .map((port) => port.trim())
    .filter((port) => port !== "");
  const excluded = [...new Set([...own, ...everywhere.map(String)])].join(",");
  const told =
    excluded === ""
      ? pod
      : { ...pod, metadata: { ...pod.metadata, annotations: { ...annotations, [INBOUND_EXCLUSION]: excluded } } };
  const injection = injectPod(told, {
    ...DEFAULT_OPTIONS,
    injected: "replace",
    injectByDefault: byDefault,
    targetPorts: services.flatMap(targetPorts),
  });
  const injected = injection.kind !== "unchanged";
  return { object, pod, services, injected, injection, ...(injected && everywhere.length > 0 && { excluded }) };
}
