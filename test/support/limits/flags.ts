/** How `node --test` is told its limits of time: one number, of which those of a file and of a run are multiples. */

import { join } from "node:path";

/** `--test-timeout` ends tests; it does not end a file that blocks its event loop or that never finishes loading. */
export const TESTS_PER_FILE = 4;
/** A run waits for the output of its files, which an orphan of one may hold open. */
export const TESTS_PER_RUN = 30;

const TIMEOUT = "--test-timeout=";

/** Flags that give every test, file and run its limit. package.json writes the same for `npm test`. */
export function limitFlags(testMs: number): readonly string[] {
  return [
    `--import=${new URL("limit-file.ts", import.meta.url).href}`,
    // A path: of a URL it would make a name in the working directory.
    `--test-global-setup=${join(import.meta.dirname, "limit-run.ts")}`,
    `${TIMEOUT}${testMs}`,
  ];
}

/** Limit of one test in milliseconds, as this process was told it. */
export function testLimitMs(): number {
  const flag = process.execArgv.find((argument) => argument.startsWith(TIMEOUT));
  const testMs = Number(flag?.slice(TIMEOUT.length));
  if (!(testMs > 0)) throw new Error(`limits of files and runs follow from ${TIMEOUT}MILLISECONDS, which is missing`);
  return testMs;
}
