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

/** The application said that it did nothing with the request (RFC 9113 section 8.7): any request may be repeated. */
export class RequestRefused extends Error {
  override readonly name = "RequestRefused";
}

/** undici's and Node's errors in our words. */
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
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return { status: 503, reason: "the application cannot be reached", code: "upstream-unreachable", detail };
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return { status: 504, reason: "stream timeout", code: "upstream-timeout", detail };
    case "RequestRefused":
    case "UND_ERR_SOCKET":
    case "ECONNRESET":
    case "EPIPE":
    case "ERR_HTTP2_STREAM_ERROR":
    case "ERR_HTTP2_SESSION_ERROR":
      return { status: 502, reason: "the application closed the connection", code: "upstream-reset", detail };
    default:
      return { status: 502, reason: "the application gave an invalid response", code: "upstream-invalid", detail };
  }
}

/**
 * True when nothing of the request can have had an effect: a kept connection that the application closed just as we used
 * it, without a byte of a response, or a stream that it refused (RFC 9113 section 8.7).
 */
export function wasNotServed(error: Error): boolean {
  if (error instanceof RequestRefused) return true;
  const { code, socket, message } = error as NodeJS.ErrnoException & {
    readonly socket?: { readonly bytesRead?: number };
  };
  // undici's word for a FIN; its other socket errors are faults in what the application said.
  const closed = code === "ECONNRESET" || code === "EPIPE" || message === "other side closed";
  return closed && (socket?.bytesRead ?? 0) > 0;
}
