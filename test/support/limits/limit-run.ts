/** Loaded by the runner alone (`--test-global-setup`), which ends at its limit whatever it waits for. */
import { endProcessAfter } from "./end-process.ts";
import { TESTS_PER_RUN, testLimitMs } from "./flags.ts";

export function globalSetup(): void {
  endProcessAfter(testLimitMs() * TESTS_PER_RUN, "the test run");
}
