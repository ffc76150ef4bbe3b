/** A request's head and its way back, in one form for every protocol that a caller may speak. */
import type { OnFault } from "../../forward/boundary.ts";
import type { Release } from "../../forward/read-buffers.ts";
import type { RawHeaders } from "./headers.ts";
import type { RequestBody } from "./request-body.ts";

export type HttpVersion = "1.0" | "1.1" | "2";

/** As it came, judged by nobody yet. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: HttpVersion;
  /** HTTP/2's `:authority` is a `host` line here; its other pseudo-headers are not among these. */
  readonly lines: RawHeaders;
  /** As HTTP/2's frames tell it; HTTP/1.1 tells it by lines. */
  readonly hasBody?: boolean;
}

/** Whether a response ends its connection, which is HTTP/1.1's affair: HTTP/2 ends the stream alone. */
export type AfterResponse = "keep" | "close";

export interface ResponseForm {
  readonly after: AfterResponse;
  /** The head is all there is. */
  readonly bodyless: boolean;
}

/** The caller's side of one exchange. */
export interface Downstream {
  /** What the caller sends, once `openBody` was called; until then nothing of it is read. */
  readonly body: RequestBody | undefined;
  openBody(): void;
  /**
   * Since when the caller can read this response, of the monotonic clock; zero: from its beginning. `undefined`: a response
   * to an earlier request is still on its way in front of it.
   */
  readonly readableSinceMs: number | undefined;
  /** True once the final response's head is out: only a cut can take it back. */
  readonly begun: boolean;
  /** Asked for by `Expect: 100-continue`. */
  proceed(): void;
  /**
   * Of a response that is still being made: 102, 103 (RFC 8297), or what else is below 200, 100 and 101 apart. May be left out.
   * @param lines free of hop-by-hop and framing lines
   */
  inform(status: number, lines: readonly string[]): void;
  /** The head of the application's response. @param lines free of hop-by-hop and framing lines, Content-Length apart */
  start(status: number, lines: string[], form: ResponseForm): void;
  /**
   * @param release may be called once the chunk is written
   * @returns false when the caller reads too slowly: wait for `onceWritable`
   */
  write(chunk: Buffer, release?: Release): boolean;
  onceWritable(resume: () => void): void;
  /** @param trailers flat name-value array, names in lower case, repetition kept */
  end(trailers: readonly string[]): void;
  /** A whole response of our own. @param body sent as Latin-1: the identifier of a request is in the bytes that its caller chose */
  respond(status: number, lines: readonly string[], body: string, after: AfterResponse): void;
  /** Ends the exchange so that half a response cannot pass for a whole one. @param detail what the application did wrong, if it did */
  cut(detail?: string): void;
  /** Told once when the last byte is out (`whole`) or the exchange was cut from either side. */
  onClose: ((whole: boolean) => void) | undefined;
  /** Told of what its own callbacks throw; until it is set, the connection is. */
  onFault: OnFault | undefined;
}
