/**
 * The worker of a data-plane thread. It boots and loads its modules by itself and is told what to serve by its first message,
 * so that a process can start it before it knows.
 */
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { ThreadWorkerData } from "../messages.ts";

const DEFAULT_MAX_HEAP_MB = 512;

/**
 * MiB; three times what one collection can move into the old generation at once. At a worker's limit Node allows V8
 * 16 MiB more to end in order (Worker::NearHeapLimit), and what moves more than that ends the whole process: with V8's
 * own 192 every second leak did.
 */
const MAX_YOUNG_GENERATION_MB = 24;

/**
 * Requests that are under way at a collection survive it, so V8 takes where they were allocated for places of objects that
 * live long, and allocates each later request in the old generation: half of all bytes, a fifth of the CPU of a request.
 */
setFlagsFromString("--no-allocation-site-pretenuring");

export interface ThreadWorkerOptions {
  /** File that a worker runs; by default that of the data plane, whether source or bundle. */
  readonly threadEntry?: URL;
  /** JavaScript heap of one thread in MiB, beyond which that thread, and not the process, runs out of memory. */
  readonly maxHeapMb?: number;
}

export function startThreadWorker(thread: number, { threadEntry, maxHeapMb }: ThreadWorkerOptions = {}): Worker {
  return new Worker(threadEntry ?? defaultEntry(), {
    workerData: { thread } satisfies ThreadWorkerData,
    name: `data-${thread}`,
    stdout: true,
    stderr: true,
    resourceLimits: {
      maxOldGenerationSizeMb: maxHeapMb ?? DEFAULT_MAX_HEAP_MB,
      maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB,
    },
  });
}

/** The bundle has the thread beside it as thread.mjs. */
function defaultEntry(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "../thread/thread.ts" : "./thread.mjs", import.meta.url);
}
