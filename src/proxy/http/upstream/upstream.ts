/** The application's side of `http` forwarding, as an exchange sees it, whichever protocol the application speaks. */
import type { Readable } from "node:stream";
import type { Release } from "../../forward/read-buffers.ts";

/** The body of a request, and what follows it once it has ended. */
export type RequestBodyStream = Readable & {
  /** Flat name-value array, repetition kept. */
  readonly trailers?: Trailers;
};

/** What is sent. Everything in it is clean and judged. */
export interface UpstreamRequest {
  readonly method: string;
  /** Origin-form. */
  readonly path: string;
  /** Flat name-value array, `host` included. */
  readonly lines: string[];
  readonly body: RequestBodyStream | undefined;
}

/** The hold that an exchange has on its response. */
export interface ResponseControl {
  /** Flat name-value array as it came. */
  readonly rawHeaders: readonly string[];
  /** HTTP/2 says with the head that nothing follows; gRPC reads a status in such a head only ("trailers-only"). */
  readonly bodyless?: boolean;
  /** Gives the request up, or the rest of the response. */
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** Flat name-value array, repetition kept: joining the values of `-bin` fields changes them (gRPC over HTTP2, Custom-Metadata). */
export type Trailers = readonly string[];

/** Who is told of the response. Exactly one of `onResponseEnd`, `onSwitch` and `onResponseError` comes last. */
export interface ResponseHandler {
  onRequestStart(control: ResponseControl): void;
  /** More than once when informational responses come before the final one. */
  onResponseStart(control: ResponseControl, status: number): void;
  /** @param release says that the chunk is read no more, which lets its memory be used again; never said: it is garbage */
  onResponseData(control: ResponseControl, chunk: Buffer, release?: Release): void;
  onResponseEnd(control: ResponseControl, trailers: Trailers): void;
  /** The application switched protocols as it was asked to: the exchange is over, and nothing else comes. */
  onSwitch(): void;
  onResponseError(control: ResponseControl | undefined, error: Error): void;
}

export interface Upstream {
  /** True when one more request would have to wait behind too many others: it is better refused now. */
  readonly full: boolean;
  /** @returns gives its place back: to be called once, when the exchange is over */
  dispatch(request: UpstreamRequest, handler: ResponseHandler): () => void;
}
