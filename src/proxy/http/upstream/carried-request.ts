/** What a request and the connection that carries it know of each other. */
import type { Release } from "../../forward/read-buffers.ts";
import type { ResponseHead } from "../wire/response-head.ts";
import type { WritableConnection } from "./body-sender.ts";

/** What a request needs of the connection that carries it. */
export interface CarryingConnection extends WritableConnection {
  /** The request is complete: from here on it is the application's turn. */
  requestSent(): void;
  pause(): void;
  resume(): void;
  /** Gives up the request, which is told nothing any more; the application cannot take it for an orderly end. */
  abandon(): void;
}

/** How a connection was lost. */
export interface Loss {
  readonly error: Error;
  /** It had carried a response before, and not one byte came for this request. */
  readonly stale: boolean;
  /** Not one byte of this request was taken by the socket. */
  readonly unsent: boolean;
}

/** What a connection needs of the request that it carries. */
export interface CarriedRequest {
  readonly isHead: boolean;
  /** Every byte of it was handed over. */
  readonly sent: boolean;
  sendOn(connection: CarryingConnection): void;
  onInterim(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** @param release says that the chunk is read no more; absent: it is the request's own */
  onData(chunk: Buffer, release: Release | undefined): void;
  /** The connection is not its any more. */
  onEnd(trailers: readonly string[]): void;
  onLost(loss: Loss): void;
  onWritable(): void;
  onWriteError(): void;
}
