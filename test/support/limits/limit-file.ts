/**
 * Preloaded (`--import`) into the process of each test file, which ends at its limit whatever it is doing, and once its tests
 * are over although handles are open. Node's `--test-force-exit` does not wait for what was written to the runner: tests
 * got lost with their failures. And a process that ends because nothing is left to do may not end: Node 24.21 first waits,
 * spinning, for requests of its sockets that never end (`Environment::CleanupHandles`).
 */
import { after } from "node:test";
import { isMainThread } from "node:worker_threads";
import { endProcessAfter } from "./end-process.ts";
import { TESTS_PER_FILE, testLimitMs } from "./flags.ts";

/** For what the last test leaves to close by itself. */
const OPEN_HANDLES_MS = 1_000;
/** For the runner to read what was written. */
const UNREAD_MS = 10_000;

if (isMainThread) {
  endProcessAfter(testLimitMs() * TESTS_PER_FILE, process.argv[1] ?? "a test file");
  after(() => {
    // Behind the runner's own listeners; everything is written by then.
    process.on("exit", (code) => process.exit(code));
    setTimeout(() => {
      process.stdout.write("", () => process.exit());
      setTimeout(() => process.exit(), UNREAD_MS);
    }, OPEN_HANDLES_MS).unref();
  });
}
