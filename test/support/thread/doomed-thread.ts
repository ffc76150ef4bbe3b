/**
 * For `--import`: a data-plane thread fails once the file that DOOM_AT names says `THREAD KIND`, as a fault of ours or of Node
 * would make it. The file is gone when the thread has read it.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { workerData } from "node:worker_threads";

const LOOK_MS = 100;
/** A heartbeat at least is unanswered when the thread throws. */
const BUSY_MS = 1_500;
const file = process.env["DOOM_AT"] ?? "";
const self = (workerData as { readonly thread?: number } | null)?.thread;

function look(): void {
  if (!existsSync(file)) return;
  const [thread, kind] = readFileSync(file, "latin1").split(" ");
  if (Number(thread) !== self) return;
  rmSync(file);
  // Meanwhile callers go on, and what they send waits in the sockets.
  const until = kind === "throw" ? performance.now() + BUSY_MS : Number.POSITIVE_INFINITY;
  while (performance.now() < until);
  throw new Error("thrown by the test");
}

if (self !== undefined) setInterval(look, LOOK_MS).unref();
