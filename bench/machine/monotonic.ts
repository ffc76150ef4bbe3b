/** The clock that all processes of this machine share: what happened in one is subtracted from what happened in another. */

/** Milliseconds since the machine was started, as CLOCK_MONOTONIC has them. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
