/** The pod that a replay judges for: the one whose sidecar remembers, where no flag says otherwise. Pure. */
import type { SeenPod } from "../policy/explain/peers-document.ts";
import { definedFields } from "../telemetry/defined-fields.ts";
import type { GivenWorld, WorldQuestion } from "./explain-question.ts";

/** @returns the question whole, and where a flag contradicts the sidecar: the flag counts */
export function placeReplay(
  given: GivenWorld,
  pod: SeenPod,
): { readonly world: WorldQuestion; readonly contradictions: readonly string[] } {
  const services = given.services.length > 0 ? given.services : pod.services;
  const podName = given.podName ?? pod.podName;
  const meshName = given.meshName ?? pod.meshName;
  const flags: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ["namespace", given.namespace, pod.namespace],
    ["service", given.services.length > 0 ? sorted(given.services) : undefined, sorted(pod.services)],
    ["pod-name", given.podName, pod.podName],
    ["mesh-name", given.meshName, pod.meshName],
  ];
  return {
    world: {
      ...given,
      namespace: given.namespace ?? pod.namespace,
      services,
      ...definedFields({ podName, meshName, auditUntil: pod.auditUntil }),
    },
    contradictions: flags.flatMap(([name, flag, own]) =>
      flag === undefined || flag === own
        ? []
        : [`--${name} ${flag} counts, although the sidecar of --replay has ${own === undefined ? "none" : `'${own}'`}`],
    ),
  };
}

function sorted(names: readonly string[]): string {
  return names.toSorted().join(", ");
}
