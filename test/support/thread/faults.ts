/** How a test tells a data-plane thread to fail. */

/** One test process has one such channel. */
export const FAULTS = "postern-test-faults";

/**
 * Credentials of this generation fail, and a snapshot of this version is passed over, where thread 0 gets them by command.
 * Its successor starts with them and applies them. TEST_NOT_APPLIED names another one, for what counts by itself.
 */
export const NOT_APPLIED_BY_THREAD_0 = Number(process.env["TEST_NOT_APPLIED"] ?? 665);
/** Credentials of this generation can be applied by no thread, however it gets them. */
export const NOT_APPLIED_BY_ANY = 666;

export interface Fault {
  readonly thread: number;
  readonly kind: "throw" | "reject" | "hang" | "heap";
}
