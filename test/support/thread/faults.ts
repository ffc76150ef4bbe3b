/** How a test tells a data-plane thread to fail. */

/** One test process has one such channel. */
export const FAULTS = "postern-test-faults";

export interface Fault {
  readonly thread: number;
  readonly kind: "throw" | "reject" | "hang" | "heap";
}
