/** oha: HTTP/1.1 with a client certificate, and a fixed rate in an open loop. */
import { run } from "../processes/pinned-process.ts";
import { locate } from "../processes/tools.ts";
import {
  CONNECTIONS,
  GRACE_SECONDS,
  percentilesIn,
  type CallerCertificate,
  type GeneratedLoad,
  type GeneratorRun,
} from "./generated-load.ts";

interface Result {
  readonly summary: { readonly total: number };
  /** Seconds. */
  readonly latencyPercentiles: Readonly<Record<string, number | null>>;
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
  readonly errorDistribution: Readonly<Record<string, number>>;
}

/** Those in flight when the time is up. */
const CUT_AT_THE_END = "aborted due to deadline";

export function parseOha(output: string): GeneratedLoad {
  const { summary, latencyPercentiles, statusCodeDistribution, errorDistribution } = JSON.parse(output) as Result;
  let requests = 0;
  let faults = 0;
  for (const [status, count] of Object.entries(statusCodeDistribution)) {
    if (status.startsWith("2")) requests += count;
    else faults += count;
  }
  for (const [error, count] of Object.entries(errorDistribution)) if (error !== CUT_AT_THE_END) faults += count;
  const percentiles = percentilesIn(latencyPercentiles, 1_000);
  const at = (percent: number): number | undefined => percentiles.find(([each]) => each === percent)?.[1];
  const [p50, p99] = [at(50), at(99)];
  const latency = p50 === undefined || p99 === undefined ? {} : { latency: { p50, p99, percentiles } };
  return { requests, faults, seconds: summary.total, ...latency };
}

export interface OhaOptions {
  readonly certificate?: CallerCertificate;
  /** Requests a second, sent when they are due whether or not earlier ones were answered; a closed loop without. */
  readonly rate?: number;
}

export async function oha(url: string, seconds: number, { certificate, rate }: OhaOptions): Promise<GeneratorRun> {
  const args = [
    "--no-tui",
    "--output-format=json",
    "--insecure",
    `-c=${CONNECTIONS}`,
    `-z=${seconds}s`,
    ...(certificate === undefined ? [] : ["--cert", certificate.clientCert, "--key", certificate.clientKey]),
    ...(rate === undefined ? [] : [`-q=${rate}`, "--latency-correction"]),
    url,
  ];
  const { output, cpuUs } = await run(locate("oha"), args, seconds + GRACE_SECONDS, { TOKIO_WORKER_THREADS: "1" });
  return { ...parseOha(output), generator: "oha", generatorCpuUs: cpuUs };
}
