/** The sidecar added to one pod. Pure. */
import type { InjectOptions, Injection, PodManifest } from "./injection.ts";

/**
 * Adds the sidecar to a Pod or a pod template; the argument is left as it is. Never throws: what cannot be injected is
 * refused with the field and what to change.
 */
export function injectPod(_pod: PodManifest, _options: InjectOptions): Injection {
  return { kind: "unchanged", reason: "not-selected", message: "the pod is not selected" };
}
