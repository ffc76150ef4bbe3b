/** What can go wrong between a reflector and the API server, as a closed set: each has its own log line and counter. */
export type FailureKind =
  | "unauthorized"
  | "forbidden"
  | "absent"
  | "expired"
  | "throttled"
  | "server-error"
  | "unexpected-answer"
  | "malformed"
  | "unreachable"
  | "untrusted"
  | "timeout"
  | "stalled"
  | "credentials";

/** A request that did not succeed. Thrown by the client, caught by whoever owns the retry. */
export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  readonly kind: FailureKind;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  /** What the server asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(
    kind: FailureKind,
    message: string,
    details: { readonly status?: number; readonly retryAfterMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    if (details.status !== undefined) this.status = details.status;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
  }
}

/** Names the kind for a Kubernetes status code, whether it came as an HTTP status or inside a watch. */
export function kindOfStatus(status: number): FailureKind {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  if (status === 404) return "absent";
  if (status === 410) return "expired";
  if (status === 429) return "throttled";
  return status >= 500 ? "server-error" : "unexpected-answer";
}

/** The failure that an answer with this status stands for. `body` is the start of what came with it. */
export function failureOfAnswer(status: number, retryAfter: string | undefined, body: string): ApiFailure {
  const seconds = Number(retryAfter);
  const details =
    retryAfter !== undefined && Number.isFinite(seconds) && seconds >= 0
      ? { status, retryAfterMs: seconds * 1_000 }
      : { status };
  return new ApiFailure(kindOfStatus(status), `HTTP ${String(status)}: ${statusMessage(body)}`, details);
}

/** Turns whatever the transport threw into a failure with a kind. */
export function failureOfError(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  const { code, message } = describe(error);
  if (TIMEOUTS.has(code)) return new ApiFailure("timeout", message, { cause: error });
  if (code.startsWith("CERT_") || code.startsWith("ERR_TLS_") || UNTRUSTED.has(code))
    return new ApiFailure("untrusted", `${code}: ${message}`, { cause: error });
  return new ApiFailure("unreachable", message, { cause: error });
}

const TIMEOUTS: ReadonlySet<string> = new Set([
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);
const UNTRUSTED: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function describe(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: "", message: String(error) };
  const { code } = error as { code?: unknown };
  const inner =
    error instanceof AggregateError ? error.errors.map((one) => describe(one).message).join("; ") : error.message;
  return { code: typeof code === "string" ? code : "", message: inner === "" ? error.name : inner };
}

/** The `message` of a Kubernetes Status object, or the raw start of something else (a load balancer's page). */
function statusMessage(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed && typeof parsed.message === "string")
      return parsed.message;
  } catch {
    // Not JSON: shown as it is.
  }
  return body.slice(0, 200).trim() || "no explanation";
}
