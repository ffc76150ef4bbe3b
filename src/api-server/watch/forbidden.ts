/**
 * Whether a resource counts as unknown because the API server forbids reading it (403). A copy that nobody may bring up to
 * date any more must not let anybody in for ever. One refusal may be a role that is being bound anew, so a copy that was
 * complete stands for a grace; only a list or watch that is allowed again ends the state, no other failure does.
 */
import type { Clock } from "../clock.ts";

export class Forbidden {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #onStanding: () => void;
  #cancel: (() => void) | undefined;
  #stands = false;

  /** @param onStanding called when the grace is over and the resource is still forbidden */
  constructor(clock: Clock, graceMs: number, onStanding: () => void) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#onStanding = onStanding;
  }

  /** Nothing that is known of the resource may let anybody in. */
  get stands(): boolean {
    return this.#stands;
  }

  /** @param known there is a complete copy, for which the grace is */
  refused(known: boolean): void {
    if (this.#stands) return;
    if (!known) this.#stands = true;
    else
      this.#cancel ??= this.#clock.after(this.#graceMs, () => {
        this.#stands = true;
        this.#onStanding();
      });
  }

  /** The resource could be read again, is gone, or is followed no longer. */
  ended(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#stands = false;
  }
}
