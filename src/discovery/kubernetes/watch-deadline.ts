import type { Clock } from "./clock.ts";
import { ApiFailure } from "./failure.ts";

/** Gives a watch up when the server overruns its own end or says nothing at all for too long. */
export class WatchDeadline {
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #cancelTotal: () => void;
  readonly #silenceMs: number;
  #cancelSilence: () => void = () => {};
  #heardAt: number;

  constructor(clock: Clock, limits: { readonly silenceMs: number; readonly totalMs: number }) {
    this.#clock = clock;
    this.#silenceMs = limits.silenceMs;
    this.#heardAt = clock.monotonic();
    this.#cancelTotal = clock.after(limits.totalMs, () =>
      this.#giveUp(`the watch did not end after ${String(limits.totalMs)} ms`),
    );
    this.#listen(limits.silenceMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  stop(): void {
    this.#cancelTotal();
    this.#cancelSilence();
  }

  /** One timer however many events there are: it looks again when it fires. */
  #listen(delayMs: number): void {
    this.#cancelSilence = this.#clock.after(delayMs, () => {
      const leftMs = this.#heardAt + this.#silenceMs - this.#clock.monotonic();
      if (leftMs > 0) this.#listen(leftMs);
      else this.#giveUp(`not even a bookmark for ${String(this.#silenceMs)} ms`);
    });
  }

  #giveUp(why: string): void {
    this.#abort.abort(new ApiFailure("stalled", why));
  }
}
