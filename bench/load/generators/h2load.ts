/** h2load: HTTP/2 as few connections as a gateway's pool has, as many requests in flight as over HTTP/1.1. */
import { run } from "../processes/pinned-process.ts";
import { locate } from "../processes/tools.ts";
import { CONNECTIONS, GRACE_SECONDS, numberIn, type GeneratedLoad, type GeneratorRun } from "./generated-load.ts";

const HTTP2_CONNECTIONS = 4;

export function parseH2load(output: string): GeneratedLoad {
  // Without this line it fell back to HTTP/1.1, one stream a connection.
  if (!/Application protocol: h2\b/.test(output)) throw new Error(`HTTP/2 was not spoken: ${output.slice(-400)}`);
  const [, time = "", unit = "s"] = /finished in ([\d.]+)(us|ms|s|m)\b/.exec(output) ?? [];
  const scale = { us: 1e-6, ms: 1e-3, s: 1, m: 60 }[unit] ?? Number.NaN;
  const answered = numberIn(output, /status codes: (\d+) 2xx/, "h2load's number of 2xx");
  const [, ...others] = /2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(output) ?? [];
  const failed = numberIn(output, /(\d+) failed/, "h2load's number of failures");
  const refused = others.reduce((sum, count) => sum + Number(count), 0);
  return { requests: answered, faults: refused + failed, seconds: Number(time) * scale };
}

export async function h2load(url: string, seconds: number): Promise<GeneratorRun> {
  const streams = CONNECTIONS / HTTP2_CONNECTIONS;
  const args = ["-t1", `-c${HTTP2_CONNECTIONS}`, `-m${streams}`, `-D${seconds}`, url];
  const { output, cpuUs } = await run(locate("h2load"), args, seconds + GRACE_SECONDS);
  return { ...parseH2load(output), generator: "h2load", generatorCpuUs: cpuUs };
}
