/** What a response and the connection that it is on know of each other, whoever reads and writes the bytes. */
import type { Connection } from "../../forward/forwarder.ts";

/** A response that is not out yet. */
export interface OwedResponse {
  /** It becomes the last one of its connection, and says so if its head is not out. */
  last(): void;
  /** The caller is still sending the request. */
  readonly receiving: boolean;
}

/** What a response tells the connection that it is on. */
export interface ResponseOwner {
  readonly connection: Connection;
  /** The response is the last one: what comes behind its request is not read as another. */
  isLast(): void;
  /** It is out, or lost. Comes after `onClose`. */
  responded(response: OwedResponse): void;
}

/** Whoever reads requests off the socket, as their connection sees it. */
export interface RequestReader {
  /** Part of a message has come and the rest has not. */
  readonly unread: boolean;
  /** What still comes is read and forgotten. */
  discard(): void;
  /** Called every now and then with the monotonic clock. */
  enforceLimits(nowMs: number): void;
  /** The socket is closed. */
  closed(): void;
}
