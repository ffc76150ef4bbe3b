/** Publishes the first change at once and those that follow closely together: a burst is compiled a few times, not a thousand. */
import type { Clock } from "../../api-server/clock.ts";

export class PublishPacer {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #publish: () => void;
  #lastAt = -Infinity;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, intervalMs: number, publish: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#publish = publish;
  }

  /** Something may have changed. */
  mark(): void {
    if (this.#cancel !== undefined) return;
    const waitMs = this.#lastAt + this.#intervalMs - this.#clock.monotonic();
    if (waitMs <= 0) this.#now();
    else this.#cancel = this.#clock.after(waitMs, () => this.#now());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #now(): void {
    this.#cancel = undefined;
    this.#publish();
    // Measured from the end, so that a slow compile leaves the event loop to others for a while.
    this.#lastAt = this.#clock.monotonic();
  }
}
