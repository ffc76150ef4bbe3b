/**
 * The body of a request on its way to the application. It stands between the caller and the upstream, which destroys what it
 * reads from when it gives up: that must not cost the caller its response.
 */
import { performance } from "node:perf_hooks";
import { Readable } from "node:stream";
import { contain, type OnFault } from "../../forward/boundary.ts";
import type { RawHeaders } from "./headers.ts";

/** Where a body comes from, and how it is held back. */
export interface BodySource {
  pause(): unknown;
  resume(): unknown;
  isPaused(): boolean;
}

export class RequestBody extends Readable {
  readonly #source: BodySource;
  /** Bytes so far. */
  bytes = 0;
  /** When the caller last sent something, in milliseconds of the monotonic clock. */
  activeAtMs = performance.now();
  /** Flat name-value array, once the body has ended. */
  trailers: RawHeaders = [];
  #received = false;
  #unwanted = false;

  /** @param source is paused until the body is read */
  constructor(source: BodySource) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    // Whoever gives the body up may do so with an error: it is reported where the response is awaited.
    this.on("error", () => undefined);
    source.pause();
  }

  /** True once all of it has come. */
  get received(): boolean {
    return this.#received;
  }

  /** The caller waits for us, not we for it. */
  get waiting(): boolean {
    return !this.#received && this.#source.isPaused();
  }

  /** @param chunk kept: nobody else writes to it */
  feed(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.activeAtMs = performance.now();
    if (!this.#unwanted && (this.destroyed || !this.push(chunk))) this.#source.pause();
  }

  /** All of it has come. @param trailers fit for the application */
  finish(trailers: RawHeaders): void {
    this.#received = true;
    this.trailers = trailers;
    this.push(null);
  }

  /** What is missing will not come. */
  cut(error: Error): void {
    if (!this.#received) this.destroy(error);
  }

  /** What still comes is read and forgotten: bytes that nobody reads would cost the caller its response. */
  discard(): void {
    if (this.#received) return;
    this.#unwanted = true;
    this.#source.resume();
  }

  override _read(): void {
    if (this.#source.isPaused()) this.activeAtMs = performance.now();
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#unwanted) this.#source.pause();
    done(error);
  }
}

/**
 * The body that a stream brings. Errors of the stream are cuts.
 * @param trailers asked for at the end
 */
export function bodyFrom(source: Readable, trailers: () => RawHeaders, onFault: OnFault): RequestBody {
  const body = new RequestBody(source);
  const onData = (chunk: Buffer): void => body.feed(chunk);
  const onEnd = (): void => body.finish(trailers());
  const onClose = (): void => body.cut(new Error("the caller went away"));
  source.on("data", contain("body data", onFault, onData));
  // Whoever listens lets the data flow.
  source.pause();
  source.once("end", contain("body end", onFault, onEnd));
  source.once("error", (error) => body.destroy(error));
  source.once("close", contain("body close", onFault, onClose));
  return body;
}
