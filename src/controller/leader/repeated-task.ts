/** Something that is brought to where it should be again and again: on a change, at a slow pace, and after a failure. */
import { ApiFailure } from "../../api-server/failure.ts";
import { pause, type Clock } from "../../api-server/clock.ts";
import type { Log } from "../../telemetry/log.ts";

export interface RepeatedTaskOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For people: what cannot be done when it fails. */
  readonly name: string;
  /** Between two looks when nothing has changed. */
  readonly everyMs: number;
  /**
   * Rejections are logged, once for each different one, and tried again.
   * @returns milliseconds until the next look where `everyMs` is too long
   */
  readonly run: (signal: AbortSignal) => Promise<number | undefined>;
}

/** After a failure; doubled with each, up to `everyMs`. */
const FIRST_RETRY_MS = 500;

export class RepeatedTask {
  readonly #options: RepeatedTaskOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #wakeUp = new AbortController();
  #retryMs = FIRST_RETRY_MS;
  #problem: string | undefined;

  constructor(options: RepeatedTaskOptions) {
    this.#options = options;
  }

  /** The last run's failure, while it stands. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#running ??= this.#loop();
  }

  /** Something has changed: runs now, or again after the run under way. */
  soon(): void {
    this.#wakeUp.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new ApiFailure("unreachable", "the controller is stopping"));
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#wakeUp = new AbortController();
      const waitMs = await this.#once(signal);
      await pause(clock, waitMs, AbortSignal.any([signal, this.#wakeUp.signal]));
    }
  }

  async #once(signal: AbortSignal): Promise<number> {
    const { everyMs, log, name, run } = this.#options;
    try {
      const againMs = await run(signal);
      if (this.#problem !== undefined) log.info({}, `${name}: done again`);
      this.#problem = undefined;
      this.#retryMs = FIRST_RETRY_MS;
      return againMs ?? everyMs;
    } catch (error) {
      if (signal.aborted) return 0;
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== this.#problem) log.error({ problem: `${problem}${adviceFor(error)}` }, `${name}: cannot be done`);
      this.#problem = problem;
      const waitMs = this.#retryMs;
      this.#retryMs = Math.min(this.#retryMs * 2, everyMs);
      return waitMs;
    }
  }
}

function adviceFor(error: unknown): string {
  return error instanceof ApiFailure && error.kind === "forbidden"
    ? "; a role of the controller is missing or too narrow: apply what 'postern install' prints for this mesh"
    : "";
}
