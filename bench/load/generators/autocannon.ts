/** autocannon: what users of Node measure with. It takes more of its core than most proxies, hence fewer requests. */
import { fileURLToPath } from "node:url";
import { run } from "../processes/pinned-process.ts";
import {
  CONNECTIONS,
  GRACE_SECONDS,
  percentilesIn,
  type CallerCertificate,
  type GeneratedLoad,
  type GeneratorRun,
} from "./generated-load.ts";

interface Result {
  readonly duration: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
  readonly "2xx": number;
  /** Milliseconds; others than percentiles too. */
  readonly latency: Readonly<Record<string, number>> & { readonly p50: number; readonly p99: number };
}

export function parseAutocannon(output: string): GeneratedLoad {
  const { duration, errors, timeouts, non2xx, "2xx": requests, latency } = JSON.parse(output) as Result;
  const faults = errors + timeouts + non2xx;
  return {
    requests,
    faults,
    seconds: duration,
    latency: { p50: latency.p50, p99: latency.p99, percentiles: percentilesIn(latency, 1) },
  };
}

export interface AutocannonOptions {
  readonly certificate?: CallerCertificate;
  /** Requests a second in all; as many as it can without. Latencies are then told as an open loop would have them. */
  readonly rate?: number;
}

export async function autocannon(
  url: string,
  seconds: number,
  { certificate, rate }: AutocannonOptions,
): Promise<GeneratorRun> {
  const script = fileURLToPath(import.meta.resolve("autocannon"));
  const args = [
    script,
    "--json",
    "--no-progress",
    `--connections=${CONNECTIONS}`,
    `--duration=${seconds}`,
    ...(certificate === undefined ? [] : ["--cert", certificate.clientCert, "--key", certificate.clientKey]),
    ...(rate === undefined ? [] : [`--overallRate=${rate}`]),
    url,
  ];
  // The certificates of a run are nobody's that Node knows.
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_NO_WARNINGS: "1" };
  const { output, cpuUs } = await run(process.execPath, args, seconds + GRACE_SECONDS, env);
  return { ...parseAutocannon(output), generator: "autocannon", generatorCpuUs: cpuUs };
}
