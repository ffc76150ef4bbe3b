/** Failures of a source of credentials in the log: a source that fails otherwise with every attempt does not fill it. */
import type { Log } from "../../telemetry/log.ts";

const WINDOW_MS = 60_000;
const MOST_IN_WINDOW = 5;

export class FailureLines {
  readonly #log: Log;
  readonly #message: string;
  #windowBegan = Number.NEGATIVE_INFINITY;
  #written = 0;
  #suppressed = 0;
  #last = "";

  constructor(log: Log, message: string) {
    this.#log = log;
    this.#message = message;
  }

  /** @param now milliseconds of a monotonic clock */
  failed(problem: string, now = performance.now()): void {
    this.#last = problem;
    if (now - this.#windowBegan >= WINDOW_MS) {
      this.#windowBegan = now;
      this.#written = 0;
    }
    if (this.#written < MOST_IN_WINDOW) this.#write();
    else this.#suppressed += 1;
  }

  /** To be called now and then: what was held back is told when its minute is over. */
  look(now = performance.now()): void {
    if (this.#suppressed > 0 && now - this.#windowBegan >= WINDOW_MS) {
      this.#suppressed -= 1;
      this.failed(this.#last, now);
    }
  }

  /** @returns how many were held back, which is told with the recovery */
  recovered(): { readonly suppressed?: number } {
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed > 0 ? { suppressed } : {};
  }

  #write(): void {
    this.#written += 1;
    this.#log.error({ problem: this.#last, ...this.recovered() }, this.#message);
  }
}
