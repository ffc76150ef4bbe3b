/** Waits between attempts: exponential with full jitter, so that ten thousand sidecars do not come back together. */
export interface BackoffOptions {
  /** Ceiling of the first wait. */
  readonly baseMs: number;
  /** Ceiling of every wait. */
  readonly capMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Milliseconds to wait before the next attempt: uniform between zero and the ceiling, which doubles each time. */
  next(): number {
    const { baseMs, capMs, random } = this.#options;
    const ceiling = Math.min(capMs, baseMs * 2 ** this.#attempts);
    // Beyond the cap a larger exponent changes nothing and would overflow in the end.
    if (ceiling < capMs) this.#attempts += 1;
    return ceiling * random();
  }

  /** Called when the server has proven healthy, not merely when it answered once. */
  reset(): void {
    this.#attempts = 0;
  }
}
