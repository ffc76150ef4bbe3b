/**
 * What one source address, and all of them together, may use of this thread. Not a policy test: an address gets here
 * only after the policy let it in.
 */
import type { Limits } from "../../config/config.ts";
import { RateBudget } from "./rate-budget.ts";

/** The limits on connections: in all, per source, and per source and second. */
export class SourceLimits {
  readonly #limits: Limits;
  readonly #handshakes: RateBudget | undefined;
  readonly #open = new Map<string, number>();
  #total = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    const rate = limits.handshakesPerSecondPerSource;
    this.#handshakes = rate > 0 ? new RateBudget(rate) : undefined;
  }

  /**
   * Counts a connection in, to be followed by `release()`.
   * @returns the limit that it would break, in which case nothing was counted.
   */
  admit(address: string, nowMs: number): string | undefined {
    if (this.#total >= this.#limits.maxConnections) return "maxConnections";
    const open = this.#open.get(address) ?? 0;
    const perSource = this.#limits.maxConnectionsPerSource;
    if (perSource > 0 && open >= perSource) return "maxConnectionsPerSource";
    if (this.#handshakes?.take(address, nowMs) === false) return "handshakesPerSecondPerSource";
    this.#total += 1;
    this.#open.set(address, open + 1);
    return undefined;
  }

  release(address: string): void {
    const open = this.#open.get(address) ?? 0;
    this.#total -= 1;
    if (open > 1) this.#open.set(address, open - 1);
    else this.#open.delete(address);
  }
}
