/** Time that passes when the test says so. */
import type { Clock } from "../../../src/api-server/clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #waiting = new Set<() => void>();
  #monotonic = 0;
  /** Milliseconds that the wall clock is off; a test sets it to let the clock jump. */
  jumpMs = 0;

  now(): number {
    return 1_800_000_000_000 + this.#monotonic + this.jumpMs;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#monotonic + delayMs, callback };
    this.#timers.add(timer);
    for (const resolve of this.#waiting) resolve();
    return () => this.#timers.delete(timer);
  }

  /** Timers that are due within this time. */
  due(withinMs: number): number {
    return [...this.#timers].filter(({ at }) => at <= this.#monotonic + withinMs).length;
  }

  /** Resolves with the next timer that is set. */
  async nextTimer(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
  }

  /** Lets time pass, and every timer on the way go off at its own moment. */
  pass(ms: number): void {
    const end = this.#monotonic + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.callback();
    }
    this.#monotonic = end;
  }
}
