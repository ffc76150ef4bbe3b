/**
 * The wait that all reflectors of one sidecar share while the API server cannot be reached. Each waiting by itself would make
 * the soonest of them connect, and a server that comes back would see several times the connection attempts it has sidecars.
 */
import { Backoff } from "./backoff.ts";
import type { Clock } from "../clock.ts";
import type { FailureKind } from "../failure.ts";
import type { KubernetesTiming } from "../timing.ts";

/** Failures of the connection to the server, whatever was asked for. */
const CONCERNS_ALL: ReadonlySet<FailureKind> = new Set([
  "unreachable",
  "untrusted",
  "timeout",
  "stalled",
  "credentials",
]);

export class Outage {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #attemptAt = 0;

  constructor(clock: Clock, random: () => number, timing: Pick<KubernetesTiming, "backoffBaseMs" | "backoffCapMs">) {
    this.#clock = clock;
    this.#backoff = new Backoff({ baseMs: timing.backoffBaseMs, capMs: timing.backoffCapMs, random });
  }

  /** Milliseconds until the attempt that all make together, decided by the first who fails; `undefined` for a failure that concerns one resource alone. */
  waitAfter(kind: FailureKind): number | undefined {
    if (!CONCERNS_ALL.has(kind)) return undefined;
    const now = this.#clock.monotonic();
    if (now >= this.#attemptAt) this.#attemptAt = now + this.#backoff.next();
    return this.#attemptAt - now;
  }

  /** A watch lived long. Of those that break together, the later ones must not undo the wait of the first. */
  ended(): void {
    if (this.#clock.monotonic() >= this.#attemptAt) this.#backoff.reset();
  }
}
