/** How long one reflector waits before it tries again: not at all after a watch that lived long and ended in good order. */
import { Backoff } from "./backoff.ts";
import type { Clock } from "../clock.ts";
import type { ApiFailure } from "../failure.ts";
import type { Outage } from "./outage.ts";
import type { KubernetesTiming } from "../timing.ts";

export interface RetryOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly timing: Pick<KubernetesTiming, "backoffBaseMs" | "backoffCapMs" | "healthyAfterMs" | "retryAfterCapMs">;
  /** Shared by all reflectors of the process. */
  readonly outage: Outage;
}

export class Retry {
  readonly #options: RetryOptions;
  readonly #backoff: Backoff;
  #watchingSince: number | undefined;

  constructor(options: RetryOptions) {
    const { timing, random } = options;
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: timing.backoffBaseMs, capMs: timing.backoffCapMs, random });
  }

  /** The server accepted a watch. */
  watching(): void {
    this.#watchingSince = this.#options.clock.monotonic();
  }

  /** Milliseconds to wait after a watch that the server ended in good order. */
  afterEnd(): number {
    return this.#wasHealthy() ? 0 : this.#backoff.next();
  }

  /** Milliseconds to wait after a failed list or watch. */
  afterFailure(failure: ApiFailure): number {
    const { outage, random, timing } = this.#options;
    const healthy = this.#wasHealthy();
    if (failure.retryAfterMs !== undefined)
      return Math.min(timing.retryAfterCapMs, failure.retryAfterMs) + random() * timing.backoffBaseMs;
    // Falling behind once is ordinary; falling behind at once, again and again, is not.
    if (failure.kind === "expired" && healthy) return 0;
    return outage.waitAfter(failure.kind) ?? this.#backoff.next();
  }

  /** A long life resets the backoff; a server that answers only to break again does not. */
  #wasHealthy(): boolean {
    const { clock, outage, timing } = this.#options;
    const since = this.#watchingSince;
    this.#watchingSince = undefined;
    if (since === undefined || clock.monotonic() - since < timing.healthyAfterMs) return false;
    this.#backoff.reset();
    outage.ended();
    return true;
  }
}
