/**
 * The result of `work`, unless `signal` aborts first: then rejects at once with the signal's reason. For what takes no
 * signal of its own, and for undici, which looks at its signal only when a request is on its connection.
 * `discard` gets a result that comes too late.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal, discard: (late: T) => void = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
      // A failure that comes too late concerns nobody.
      work.then(discard, () => {});
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
