/** The injector's answer to a pod that is being created: what `postern inject` would make of it. */
import type { ApiClient } from "../../api-server/client.ts";
import { isRecord } from "../../api-server/objects.ts";
import { readSwitch, SIDECAR_INJECTION } from "../../inject/annotations.ts";
import { injectPod } from "../../inject/inject-pod.ts";
import type { InjectOptions, PodManifest } from "../../inject/injection.ts";
import type { NamespaceMarks } from "../namespaces/mesh-namespaces.ts";
import type { AdmissionAnswer, AdmissionRequest } from "./admission.ts";
import { objectPatch } from "./object-patch.ts";
import { servicePortsOf } from "./service-ports.ts";

export interface PodInjector {
  readonly client: ApiClient;
  readonly options: InjectOptions;
  /** Of a namespace of the mesh; waits for one that was labelled a moment ago, and rejects for any other. */
  readonly marks: (namespace: string, signal: AbortSignal) => Promise<NamespaceMarks>;
}

/** Rejects when the namespace or its Services cannot be read: a pod that should be guarded does not start unguarded. */
export async function answerPod(
  { client, options, marks }: PodInjector,
  { namespace, object }: AdmissionRequest,
  signal: AbortSignal,
): Promise<AdmissionAnswer> {
  const { spec, metadata } = object;
  if (!isRecord(spec)) return { allowed: true };
  const pod: PodManifest = { ...object, spec, metadata: isRecord(metadata) ? metadata : {} };
  const { annotations, labels } = await marks(namespace, signal);
  const said = readSwitch(annotations[SIDECAR_INJECTION] ?? labels[SIDECAR_INJECTION]);
  if (said === "unusable")
    return {
      allowed: false,
      message: `namespace ${namespace}: the value of ${SIDECAR_INJECTION} is not understood; write enabled or disabled`,
    };
  const targetPorts = await servicePortsOf(client, namespace, pod, signal);
  const injection = injectPod(pod, { ...options, targetPorts, injectByDefault: said ?? true });
  switch (injection.kind) {
    case "unchanged":
      return { allowed: true };
    case "refused": {
      const { field, problem, mend } = injection;
      return {
        allowed: false,
        message: `the sidecar cannot be added: ${field}: ${problem}; ${mend}; or leave the pod out with the annotation ${SIDECAR_INJECTION}: disabled`,
      };
    }
    case "injected":
      return { allowed: true, patch: objectPatch(object, injection.pod), warnings: injection.notes };
  }
}
