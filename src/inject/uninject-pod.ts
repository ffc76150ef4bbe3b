/** The sidecar taken out of one pod. Pure. */
import type { PodManifest } from "./injection.ts";
import { isRecorded, unrecorded } from "./record.ts";

export type Removal =
  | { readonly kind: "removed"; readonly pod: PodManifest }
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly problem: string };

/** Takes back what `injectPod` did; what others have changed since then stays. */
export function uninjectPod(pod: PodManifest): Removal {
  if (!isRecorded(pod)) return { kind: "unchanged" };
  const clean = unrecorded(pod);
  return clean === undefined
    ? { kind: "refused", problem: "the record of the injection cannot be read" }
    : { kind: "removed", pod: clean };
}
