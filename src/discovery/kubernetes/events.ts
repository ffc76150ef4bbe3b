/** Kubernetes Events about an IngressBackend: what `kubectl describe` shows. */
import { randomBytes } from "node:crypto";
import type { ApiClient } from "../../api-server/client.ts";
import { microTime } from "../../api-server/lease.ts";
import type { FollowedPolicy } from "./policies.ts";

export interface PolicyNote {
  readonly policy: FollowedPolicy;
  readonly currentStatus: "committed" | "error";
  readonly reason: string;
  readonly warnings: readonly string[];
  /** `metadata.name` of the pod that reports. */
  readonly reporter: string;
  readonly nowMs: number;
}

/** events.k8s.io/v1 refuses longer notes. */
const MAX_NOTE_BYTES = 1_000;

/** Rejects with an ApiFailure when the API server refuses or `signal` aborts. */
export async function createEvent(client: ApiClient, note: PolicyNote, signal: AbortSignal): Promise<void> {
  const { policy, currentStatus, reason, warnings } = note;
  const text = [reason, ...warnings.map((warning) => `warning: ${warning}`)].join("; ");
  await client.json({
    signal,
    method: "POST",
    path: `/apis/events.k8s.io/v1/namespaces/${policy.namespace}/events`,
    body: {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: eventName(policy.name), namespace: policy.namespace },
      eventTime: microTime(note.nowMs),
      type: currentStatus === "committed" && warnings.length === 0 ? "Normal" : "Warning",
      reason: currentStatus === "committed" ? "PolicyCommitted" : "PolicyError",
      action: "Compile",
      note: truncated(text),
      regarding: {
        apiVersion: `${policy.group}/v1alpha1`,
        kind: "IngressBackend",
        name: policy.name,
        namespace: policy.namespace,
        uid: policy.uid,
      },
      reportingController: "postern",
      reportingInstance: note.reporter.slice(0, 128),
    },
  });
}

/** As kubectl shows them: the object's name and a unique end. */
function eventName(policy: string): string {
  return `${policy.slice(0, 200).replace(/[-.]+$/, "")}.${randomBytes(8).toString("hex")}`;
}

function truncated(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_NOTE_BYTES) return text;
  // Cutting a character in two leaves a replacement character, which is dropped with it.
  return `${bytes
    .subarray(0, MAX_NOTE_BYTES)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}...`;
}
