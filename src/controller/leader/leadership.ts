/** Which of the replicas acts: the one that holds the Lease. The others serve webhooks and wait. */
import { ApiFailure } from "../../api-server/failure.ts";
import { pause, type Clock } from "../../api-server/clock.ts";
import type { Lease } from "../../api-server/lease.ts";
import type { Log } from "../../telemetry/log.ts";

export interface LeadershipOptions {
  readonly lease: Lease;
  readonly clock: Clock;
  readonly log: Log;
  readonly durationMs: number;
  /** Called when this replica begins or ceases to lead. Must not throw. */
  readonly onChange: () => void;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #led = false;
  #problem: string | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** True while the last renewal of ours stands, whatever became of the next. */
  get leads(): boolean {
    return !this.#stopping.signal.aborted && this.#options.lease.held;
  }

  /** Why the Lease could not be asked for at the last try. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives the Lease up, so that another leads at once. */
  async stop(): Promise<void> {
    this.#stopping.abort(new ApiFailure("unreachable", "the controller is stopping"));
    await this.#running;
    await this.#options.lease.release(AbortSignal.timeout(2_000)).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const waitMs = await this.#try(signal);
      this.#tell();
      await pause(clock, waitMs, signal);
    }
  }

  /** @returns milliseconds until the next try: a third of the duration leaves two more before the Lease is lost */
  async #try(signal: AbortSignal): Promise<number> {
    const { lease, durationMs, log } = this.#options;
    try {
      const waitMs = await lease.acquire(AbortSignal.any([signal, AbortSignal.timeout(durationMs / 2)]));
      this.#problem = undefined;
      return waitMs === 0 ? durationMs / 3 : Math.min(waitMs, durationMs / 3);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (!signal.aborted && problem !== this.#problem) log.warn({ problem }, "the Lease cannot be taken or renewed");
      this.#problem = problem;
      return durationMs / 6;
    }
  }

  #tell(): void {
    const { log, onChange } = this.#options;
    if (this.leads === this.#led) return;
    this.#led = this.leads;
    log.info({}, this.#led ? "leading" : "no longer leading");
    onChange();
  }
}
