/** Preloaded (`--import`) into the process of each test file, which ends at its limit whatever it is doing. */
import { isMainThread } from "node:worker_threads";
import { endProcessAfter } from "./end-process.ts";
import { TESTS_PER_FILE, testLimitMs } from "./flags.ts";

if (isMainThread) endProcessAfter(testLimitMs() * TESTS_PER_FILE, process.argv[1] ?? "a test file");
