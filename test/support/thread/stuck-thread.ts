/**
 * For `--import`: data-plane thread 0 enters a native call that never returns as soon as the FIFO named by STUCK_AT exists.
 * JavaScript that hangs can be ended, this cannot.
 */
import { existsSync, readFileSync, renameSync } from "node:fs";
import { workerData } from "node:worker_threads";

const fifo = process.env["STUCK_AT"] ?? "";

if ((workerData as { readonly thread?: number } | null)?.thread === 0) {
  setInterval(() => {
    if (!existsSync(fifo)) return;
    // The thread that takes its place finds none.
    renameSync(fifo, `${fifo}.taken`);
    readFileSync(`${fifo}.taken`);
  }, 20).unref();
}
