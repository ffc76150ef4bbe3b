/** What a load generator did, in the words of all of them. */

export interface GeneratedLoad {
  /** Answered with 2xx. */
  readonly requests: number;
  /** Answered otherwise, not answered, or not sent for want of a connection. */
  readonly faults: number;
  readonly seconds: number;
  readonly latency?: Latency;
}

/** Milliseconds; only of generators that tell it. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  /** The distribution: pairs of a percentile and its milliseconds, in ascending order. */
  readonly percentiles?: readonly (readonly [percent: number, ms: number])[];
}

/**
 * @param named keys that are a "p" and a percentile ("p99", "p99.9", "p99_9"), among others that are not
 * @param scale what makes milliseconds of the values
 */
export function percentilesIn(
  named: Readonly<Record<string, number | null>>,
  scale: number,
): NonNullable<Latency["percentiles"]> {
  return Object.entries(named)
    .flatMap(([name, value]) => {
      const percent = /^p(\d+(?:[._]\d+)?)$/.exec(name)?.[1]?.replace("_", ".");
      return percent === undefined || value === null ? [] : [[Number(percent), value * scale] as const];
    })
    .toSorted(([one], [other]) => one - other);
}

/** What a run of a generator took of its core beside what it did. */
export interface GeneratorRun extends GeneratedLoad {
  readonly generator: string;
  /** Start and end of the program included, microseconds. */
  readonly generatorCpuUs: number;
}

/** Connections that are kept for the time of a run, one request after the other on each. */
export const CONNECTIONS = 32;

/** Beyond the time that it was told, a generator gets this long to start and to end. */
export const GRACE_SECONDS = 20;

/** The certificate that a caller shows. */
export interface CallerCertificate {
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** @throws when a number that was expected is not there: a generator whose output changed must not count as idle */
export function numberIn(output: string, pattern: RegExp, what: string): number {
  const text = pattern.exec(output)?.[1];
  if (text === undefined) throw new Error(`${what} is missing in: ${output.slice(-400)}`);
  return Number(text);
}
