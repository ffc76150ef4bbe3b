/** A limit of time that holds although an event loop is blocked or never empty: a thread of its own watches the clock. */
import { Worker } from "node:worker_threads";

const WATCH = `
  const { writeSync } = require("node:fs");
  const { workerData: { limitMs, what } } = require("node:worker_threads");
  setTimeout(() => {
    writeSync(2, what + " did not end within " + limitMs / 1000 + " s and is killed\\n");
    process.kill(process.pid, "SIGKILL");
  }, limitMs);
`;

/**
 * Kills this process after `limitMs`, with one line on stderr. A process that is done before is not kept alive.
 * @param what names the process in that line
 */
export function endProcessAfter(limitMs: number, what: string): void {
  new Worker(WATCH, { eval: true, execArgv: [], env: {}, workerData: { limitMs, what } }).unref();
}
