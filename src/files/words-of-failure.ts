/** Why a file could not be had, for a message that has named it already. */

/** Of `fs`: the call and the path at the end of its messages, `, open '/etc/x'`. */
const CALL_AND_PATH = /, \w+(?: '.*')?$/s;

export function wordsOfFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "syscall" in error ? error.message.replace(CALL_AND_PATH, "") : error.message;
}
