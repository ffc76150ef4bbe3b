/** Answers of our own: one style, one line for humans, details in the log only. */
import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** The answer to a wrong principal, byte for byte that of OSM's Envoy. */
export const ACCESS_DENIED = "RBAC: access denied";

/**
 * 403, or for gRPC its own way to say so (200 with status 7, RFC-like rule of the gRPC protocol over HTTP).
 * @param close whether the connection ends with it: a body that is on its way would have to be read otherwise
 */
export function answerForbidden(response: ServerResponse, grpc: boolean, close: boolean): void {
  if (close) response.shouldKeepAlive = false;
  if (grpc) {
    response.writeHead(200, [
      "content-type",
      "application/grpc",
      "grpc-status",
      "7",
      "grpc-message",
      ACCESS_DENIED,
      "content-length",
      "0",
    ]);
    response.end();
    return;
  }
  response.writeHead(403, ["content-type", "text/plain", "content-length", String(ACCESS_DENIED.length)]);
  response.end(ACCESS_DENIED);
}

/** @param requestId shown to the caller, so that the log line can be found */
export function answerError(
  response: ServerResponse,
  status: number,
  reason: string,
  requestId: string | undefined,
  close: boolean,
): void {
  if (close) response.shouldKeepAlive = false;
  const body = errorBody(reason, requestId);
  response.writeHead(status, ["content-type", "text/plain", "content-length", String(Buffer.byteLength(body))]);
  response.end(body);
}

/** For a connection whose request never became one: written past Node's response machinery, and the last thing on it. */
export function answerRaw(socket: Duplex, status: number, reason: string): void {
  const body = errorBody(reason, undefined);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`;
  socket.end(head + body);
}

function errorBody(reason: string, requestId: string | undefined): string {
  return requestId === undefined ? `${reason}\n` : `${reason} (request ${requestId})\n`;
}
