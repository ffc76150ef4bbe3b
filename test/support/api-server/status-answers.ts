/** Kubernetes Status objects: what an API server says when it says no. */

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

export function statusBody({ status, reason, message, retryAfterSeconds }: Refusal): object {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(retryAfterSeconds !== undefined && { details: { retryAfterSeconds } }),
    code: status,
  };
}

export const UNAUTHORIZED: Refusal = { status: 401, reason: "Unauthorized", message: "Unauthorized" };
export const NOT_FOUND: Refusal = {
  status: 404,
  reason: "NotFound",
  message: "the server could not find the requested resource",
};
export const EXPIRED: Refusal = {
  status: 410,
  reason: "Expired",
  message: "The resourceVersion for the provided watch is too old.",
};
export const THROTTLED: Refusal = {
  status: 429,
  reason: "TooManyRequests",
  message: "the server has received too many requests and has asked us to try again later",
  retryAfterSeconds: 1,
};
export const BROKEN: Refusal = { status: 500, reason: "InternalError", message: "etcdserver: request timed out" };

export function conflict(message: string): Refusal {
  return { status: 409, reason: "Conflict", message };
}
