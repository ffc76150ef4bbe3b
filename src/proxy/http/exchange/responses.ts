/** Responses of our own: one style, one line for humans, details in the log only. */
import { STATUS_CODES } from "node:http";
import type { AfterResponse, Downstream } from "./message.ts";

/** The response to a wrong principal, byte for byte that of OSM's Envoy. */
const ACCESS_DENIED = "RBAC: access denied";

/** A 405 must say what is allowed (RFC 9110 section 15.5.6): every method but CONNECT is the application's to judge. */
const FORWARDED_METHODS = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE, TRACE";

export interface ErrorResponse {
  readonly status: number;
  /** One line. */
  readonly reason: string;
  /** Shown to the caller, so that the log line can be found. */
  readonly requestId: string;
  readonly grpc: boolean;
}

/** 403, or for gRPC its own way to say so. */
export function respondForbidden(downstream: Downstream, requestId: string, grpc: boolean, after: AfterResponse): void {
  if (grpc) respondGrpc(downstream, 7, ACCESS_DENIED, requestId, after);
  else {
    const lines = ["content-type", "text/plain", "content-length", String(ACCESS_DENIED.length)];
    lines.push("x-request-id", requestId);
    downstream.respond(403, lines, ACCESS_DENIED, after);
  }
}

/** To an OPTIONS that may be forwarded no more (RFC 9110 sections 7.6.2 and 9.3.7). */
export function respondOptions(downstream: Downstream, requestId: string, after: AfterResponse): void {
  downstream.respond(204, ["allow", FORWARDED_METHODS, "x-request-id", requestId], "", after);
}

/** @param after `close` where a body that is on its way would have to be read otherwise */
export function respondError(downstream: Downstream, error: ErrorResponse, after: AfterResponse): void {
  if (error.grpc) {
    respondGrpc(downstream, grpcStatusOf(error.status), error.reason, error.requestId, after);
    return;
  }
  const body = errorBody(error.reason, error.requestId);
  const lines = ["content-type", "text/plain", "content-length", String(body.length)];
  lines.push("x-request-id", error.requestId);
  if (error.status === 405) lines.push("allow", FORWARDED_METHODS);
  downstream.respond(error.status, lines, body, after);
}

/** For a connection whose request never became one: written past all that knows of responses, and the last thing on it. */
export function rawResponse(status: number, reason: string, requestId: string): string {
  const body = errorBody(reason, requestId);
  const allow = status === 405 ? `allow: ${FORWARDED_METHODS}\r\n` : "";
  const lines = `content-type: text/plain\r\ncontent-length: ${body.length}\r\nx-request-id: ${requestId}\r\n${allow}date: ${new Date().toUTCString()}\r\nconnection: close`;
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines}\r\n\r\n${body}`;
}

/** A "trailers-only" answer (gRPC over HTTP2, section Responses): 200, with the status among the headers. */
function respondGrpc(
  downstream: Downstream,
  status: number,
  message: string,
  requestId: string,
  after: AfterResponse,
): void {
  const lines = ["content-type", "application/grpc", "grpc-status", String(status), "grpc-message", message];
  lines.push("x-request-id", requestId);
  downstream.respond(200, [...lines, "content-length", "0"], "", after);
}

/** gRPC's mapping of HTTP statuses (doc/http-grpc-status-mapping.md), and Envoy's for timeouts. */
function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 403:
      return 7;
    case 404:
      return 12;
    case 408:
    case 504:
      return 4;
    case 413:
    case 431:
      return 8;
    case 429:
    case 502:
    case 503:
      return 14;
    default:
      return 2;
  }
}

function errorBody(reason: string, requestId: string): string {
  return `${reason} (request ${requestId})\n`;
}
