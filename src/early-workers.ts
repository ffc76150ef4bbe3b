/** Workers that boot while the process still reads its configuration and its certificate, which shortens the start of a pod. */
import type { Worker } from "node:worker_threads";
import { startThreadWorker, type ThreadWorkerOptions } from "./proxy/control/thread-worker.ts";

export class EarlyWorkers {
  /** By thread; without those that have ended. */
  readonly #workers = new Map<number, Worker>();
  readonly #options: ThreadWorkerOptions;
  #started = 0;

  constructor(options: ThreadWorkerOptions = {}) {
    this.#options = options;
  }

  /** Starts the workers of the first `threads` threads, as far as they are not started yet. */
  start(threads: number): void {
    for (; this.#started < threads; this.#started += 1) {
      const thread = this.#started;
      const worker = startThreadWorker(thread, this.#options);
      const onEnd = (): void => void this.#workers.delete(thread);
      // Not reported: the data plane starts a worker where none is left, and reports that one's error.
      worker.once("error", onEnd).once("exit", onEnd);
      this.#workers.set(thread, worker);
    }
  }

  /** The worker of a thread, for the first who asks; `undefined` when there is none. */
  take(thread: number): Worker | undefined {
    const worker = this.#workers.get(thread);
    this.#workers.delete(thread);
    return worker;
  }
}
