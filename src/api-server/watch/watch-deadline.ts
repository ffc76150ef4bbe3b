/** How long a watch may last, and how long it may be silent. */
import type { Clock } from "../clock.ts";
import { ApiFailure } from "../failure.ts";

/**
 * Ends a watch that the server should have ended by itself, or on which nothing arrived for too long, by aborting `signal`
 * with an ApiFailure.
 */
export class WatchDeadline {
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #cancelTotal: () => void;
  readonly #silenceMs: number;
  #cancelSilence: () => void = () => {};
  #receivedAt: number;

  constructor(clock: Clock, limits: { readonly silenceMs: number; readonly totalMs: number }) {
    this.#clock = clock;
    this.#silenceMs = limits.silenceMs;
    this.#receivedAt = clock.monotonic();
    this.#cancelTotal = clock.after(limits.totalMs, () =>
      this.#expire(`the watch did not end after ${String(limits.totalMs)} ms`),
    );
    this.#check(limits.silenceMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Something arrived, be it a bookmark. */
  received(): void {
    this.#receivedAt = this.#clock.monotonic();
  }

  /** The watch is over. */
  stop(): void {
    this.#cancelTotal();
    this.#cancelSilence();
  }

  /** One timer however many events there are: it looks again when it fires. */
  #check(delayMs: number): void {
    this.#cancelSilence = this.#clock.after(delayMs, () => {
      const leftMs = this.#receivedAt + this.#silenceMs - this.#clock.monotonic();
      if (leftMs > 0) this.#check(leftMs);
      else this.#expire(`not even a bookmark for ${String(this.#silenceMs)} ms`);
    });
  }

  #expire(why: string): void {
    this.#abort.abort(new ApiFailure("stalled", why));
  }
}
