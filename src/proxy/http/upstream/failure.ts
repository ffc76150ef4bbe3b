/** What came between a request and its response, as a closed set. */
import type { UpstreamFailureCode } from "../../../telemetry/records.ts";
import { CallbackFault } from "../../forward/boundary.ts";

/** One failure: what the caller is told, and what is recorded. */
export interface UpstreamFailure {
  readonly status: 502 | 503 | 504;
  /** One line for humans. */
  readonly reason: string;
  /** Closed set, for records and metrics. */
  readonly code: UpstreamFailureCode;
  readonly detail: string;
}

/** What went wrong between us and the application, where neither the system nor Node has a code for it. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly code:
    | "CONNECT_TIMEOUT"
    /** Every connection that may be open is in use, and has been for too long. */
    | "BUSY"
    | "RESPONSE_TIMEOUT"
    | "CLOSED_EARLY"
    | "INVALID_RESPONSE"
    /** A net below the judgement of heads: what would be two requests is not sent. */
    | "INVALID_REQUEST"
    | "BODY_CUT"
    | "BODY_LENGTH"
    /** What answers a connection of HTTP/2 speaks another protocol; nothing was asked of it yet. */
    | "NOT_HTTP2";

  constructor(code: UpstreamError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** Node has ended a whole connection of HTTP/2 for what the application sent on it. */
export function isBrokenHttp2(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.code === "ERR_HTTP2_ERROR";
}

/** Our own, the system's and Node's errors in the words of the records. */
export function classifyFailure(error: Error): UpstreamFailure {
  if (error instanceof CallbackFault)
    return { status: 502, reason: "internal error", code: "internal-error", detail: error.message };
  const { code = error.name, message } = error as NodeJS.ErrnoException;
  const detail = `${code}: ${message}`;
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
    case "EMFILE":
    case "CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return { status: 503, reason: "the application cannot be reached", code: "upstream-unreachable", detail };
    case "BUSY":
      return { status: 503, reason: "the application is busy", code: "upstream-busy", detail };
    case "RESPONSE_TIMEOUT":
      return { status: 504, reason: "stream timeout", code: "upstream-timeout", detail };
    case "CLOSED_EARLY":
    case "ECONNRESET":
    case "EPIPE":
    case "ERR_HTTP2_STREAM_ERROR":
    case "ERR_HTTP2_SESSION_ERROR":
      return { status: 502, reason: "the application closed the connection", code: "upstream-reset", detail };
    case "INVALID_REQUEST":
      return { status: 502, reason: "internal error", code: "internal-error", detail };
    default:
      return { status: 502, reason: "the application gave an invalid response", code: "upstream-invalid", detail };
  }
}
