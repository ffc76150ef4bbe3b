/**
 * The body of a request on its way to the application. It stands between the caller's stream and the upstream, which
 * destroys what it reads from when it gives up: that must not cost the caller its response.
 */
import { performance } from "node:perf_hooks";
import { Readable } from "node:stream";
import { contain, type OnFault } from "../../forward/boundary.ts";

export class RequestBody extends Readable {
  readonly #source: Readable;
  /** Bytes so far. */
  bytes = 0;
  /** When the caller last sent something, in milliseconds of the monotonic clock. */
  activeAtMs = performance.now();
  #received = false;

  /** @param source paused; errors of it are cuts */
  constructor(source: Readable, onFault: OnFault) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    // Whoever gives the body up may do so with an error: it is reported where the response is awaited.
    this.on("error", () => undefined);
    const onData = (chunk: Buffer): void => this.#take(chunk);
    const onEnd = (): void => {
      this.#received = true;
      this.push(null);
    };
    const onClose = (): void => {
      if (!this.#received) this.destroy(new Error("the caller went away"));
    };
    source.on("data", contain("body data", onFault, onData));
    source.pause();
    source.once("end", contain("body end", onFault, onEnd));
    source.once("error", (error) => this.destroy(error));
    source.once("close", contain("body close", onFault, onClose));
  }

  /** True once all of it has come. */
  get received(): boolean {
    return this.#received;
  }

  /** The caller waits for us, not we for it. */
  get waiting(): boolean {
    return !this.#received && this.#source.isPaused();
  }

  override _read(): void {
    if (this.#source.isPaused()) this.activeAtMs = performance.now();
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.pause();
    done(error);
  }

  #take(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.activeAtMs = performance.now();
    if (this.destroyed || !this.push(chunk)) this.#source.pause();
  }
}
