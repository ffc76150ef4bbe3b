/**
 * The application's end put off until no request is on its way to it. An application that exits at once on SIGTERM would
 * leave the sidecar, which ends later, with requests and nobody to give them to. Pure.
 */
import { fieldsAt, isFields, textAt } from "./fields.ts";
import type { Fields, InjectOptions } from "./injection.ts";
import { HEALTH_PORT } from "./ports.ts";
import type { ProbeTable } from "./probes.ts";

/** At the health port: answers when the sidecar has drained. */
const DRAINED = "/drained";

export type PutOff =
  | { readonly container: Fields; readonly probes: ProbeTable }
  /** It has a hook of its own. */
  | { readonly note: string };

/**
 * With a native sidecar, which the kubelet ends after the application, a pause is enough: endpoints go meanwhile
 * (`sleep` is of Kubernetes 1.30). A classic sidecar is told to end at the same moment as the application, so the
 * application waits until it has drained; an ordinary request, since such clusters know no `sleep`.
 */
export function withPreStop(container: Fields, { sidecar, preStopSeconds }: InjectOptions): PutOff {
  const lifecycle = fieldsAt(container, "lifecycle");
  if (isFields(lifecycle["preStop"]))
    return {
      note: `container ${textAt(container, "name") ?? ""} has a preStop hook of its own, which stays: it should last ${preStopSeconds} s or longer, so that callers know that the pod goes before the application does`,
    };
  const preStop =
    sidecar === "native" ? { sleep: { seconds: preStopSeconds } } : { httpGet: { path: DRAINED, port: HEALTH_PORT } };
  return {
    container: { ...container, lifecycle: { ...lifecycle, preStop } },
    probes: sidecar === "native" ? {} : { [DRAINED]: { drained: {} } },
  };
}
