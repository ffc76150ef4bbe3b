/** Every duration of following an API server, in one place; tests shorten what they have to wait for. */
export interface KubernetesTiming {
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pingDeadlineMs: number;
  readonly answerTimeoutMs: number;
  readonly chunkTimeoutMs: number;
  /** Bounds of the `timeoutSeconds` asked for, so that watches do not end together. */
  readonly watchSecondsMin: number;
  readonly watchSecondsMax: number;
  /** How long the server may overrun the `timeoutSeconds` it was asked for. */
  readonly watchMarginMs: number;
  /** Silence of a watch, bookmarks included, after which it is given up. */
  readonly watchSilenceMs: number;
  /** A watch that lived this long proves the server healthy. */
  readonly healthyAfterMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** Longest wait that a server's Retry-After may impose. */
  readonly retryAfterCapMs: number;
  /** How long a complete copy stands after a 403: longer than `backoffCapMs`, so that another try falls into it. */
  readonly forbiddenGraceMs: number;
  /** How long a 404 must stand before it means that there are no policies. */
  readonly absentConfirmMs: number;
  /** Longest wait between two looks for a CRD that is not installed. */
  readonly absentCheckMs: number;
  /** The same for one that need not be installed, once it has been missing for a while. */
  readonly optionalCheckMs: number;
  /** Changes that follow each other faster than this are published together. */
  readonly publishIntervalMs: number;
}

export const DEFAULT_TIMING: KubernetesTiming = Object.freeze({
  connectTimeoutMs: 10_000,
  // client-go pings after 30 s of silence and waits 15 s.
  pingIntervalMs: 15_000,
  pingDeadlineMs: 45_000,
  // The API server gives up after 60 s by itself.
  answerTimeoutMs: 65_000,
  chunkTimeoutMs: 30_000,
  watchSecondsMin: 300,
  watchSecondsMax: 600,
  watchMarginMs: 30_000,
  // The API server sends a bookmark about once a minute.
  watchSilenceMs: 150_000,
  healthyAfterMs: 5_000,
  backoffBaseMs: 1_000,
  backoffCapMs: 10_000,
  retryAfterCapMs: 60_000,
  forbiddenGraceMs: 15_000,
  absentConfirmMs: 10_000,
  absentCheckMs: 20_000,
  optionalCheckMs: 300_000,
  publishIntervalMs: 20,
});
