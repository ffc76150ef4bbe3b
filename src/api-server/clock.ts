/** Time as the client of an API server sees it: injected, so that an hour without a server is a test of milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch, for objects that carry dates; may jump. */
  now(): number;
  /** Milliseconds since an arbitrary moment; never jumps. Every duration is measured with it. */
  monotonic(): number;
  /** Calls back once; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs: number, callback: () => void) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
});

/** Resolves after `delayMs`, or at once when `signal` is aborted. Never rejects: the caller looks at the signal. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
