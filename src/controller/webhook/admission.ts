/** AdmissionReview v1: what the API server asks of a webhook, and what it gets. */
import { isRecord, textOf, type KubernetesObject } from "../../api-server/objects.ts";

export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: string;
  readonly namespace: string;
  readonly object: KubernetesObject;
  /** Of an update. */
  readonly oldObject?: KubernetesObject;
}

export interface PatchOperation {
  readonly op: "add" | "remove";
  readonly path: string;
  readonly value?: unknown;
}

export type AdmissionAnswer =
  | { readonly allowed: true; readonly patch?: readonly PatchOperation[]; readonly warnings?: readonly string[] }
  | { readonly allowed: false; readonly message: string; readonly warnings?: readonly string[] };

/** What was sent is nothing that can be judged: its sender's fault. */
export class ReviewError extends Error {
  override readonly name = "ReviewError";
}

/** @throws ReviewError for anything but an AdmissionReview of v1 with an object */
export function readAdmissionReview(text: string): AdmissionRequest {
  const body = parseJson(text);
  const request = isRecord(body) ? body["request"] : undefined;
  if (!isRecord(body) || body["apiVersion"] !== "admission.k8s.io/v1" || !isRecord(request))
    throw new ReviewError("expected an AdmissionReview of admission.k8s.io/v1 with a request");
  const { object, oldObject } = request;
  const uid = textOf(request, "uid");
  if (uid === undefined || !isRecord(object)) throw new ReviewError("the AdmissionReview carries no uid or no object");
  return {
    uid,
    operation: textOf(request, "operation") ?? "",
    namespace: textOf(request, "namespace") ?? "",
    object,
    ...(isRecord(oldObject) && { oldObject }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ReviewError(`the body is not JSON: ${String(cause)}`, { cause });
  }
}

export function writeAdmissionReview(uid: string, answer: AdmissionAnswer): object {
  const { warnings = [] } = answer;
  const patch = answer.allowed && (answer.patch?.length ?? 0) > 0 ? answer.patch : undefined;
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: {
      uid,
      allowed: answer.allowed,
      ...(!answer.allowed && { status: { code: 403, reason: "Forbidden", message: answer.message } }),
      ...(patch !== undefined && {
        patchType: "JSONPatch",
        patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
      }),
      ...(warnings.length > 0 && { warnings }),
    },
  };
}
