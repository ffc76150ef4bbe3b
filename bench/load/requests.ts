/** CPU of the proxy a request: 32 keep-alive TLS connections, one small GET after the other on each. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuOf } from "./measurement.ts";
import { installed, LOAD_CORE, run } from "./process.ts";

export const CONNECTIONS = 32;
const HTTP2_CONNECTIONS = 4;

export interface RequestSample {
  readonly cpuUs: number;
  readonly perSecond: number;
}

export const generator: "wrk" | "autocannon" = installed("wrk") ? "wrk" : "autocannon";

interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly faults: number;
}

async function wrk(url: string, seconds: number): Promise<Load> {
  const output = await run(LOAD_CORE, "wrk", ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--timeout", "10s", url]);
  const [, requests = "0", measured = "0"] = /(\d+) requests in ([\d.]+)s/.exec(output) ?? [];
  const errors = [...output.matchAll(/(?:connect|read|write|timeout) (\d+)|Non-2xx or 3xx responses: (\d+)/g)];
  const faults = errors.reduce((sum, [, socket, status]) => sum + Number(socket ?? status ?? 0), 0);
  return { requests: Number(requests), seconds: Number(measured), faults };
}

interface AutocannonResult {
  readonly requests: { readonly total: number };
  readonly duration: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
}

async function autocannon(url: string, seconds: number): Promise<Load> {
  const script = fileURLToPath(import.meta.resolve("autocannon"));
  const args = [script, "-c", String(CONNECTIONS), "-d", String(seconds), "--json", "--no-progress", url];
  const result = JSON.parse(
    await run(LOAD_CORE, "env", ["NODE_TLS_REJECT_UNAUTHORIZED=0", process.execPath, ...args]),
  ) as AutocannonResult;
  return {
    requests: result.requests.total,
    seconds: result.duration,
    faults: result.errors + result.timeouts + result.non2xx,
  };
}

/** As many requests in flight as over HTTP/1.1, on as few connections as a gateway's pool would have. */
async function http2(url: string, seconds: number): Promise<Load> {
  const args = [
    join(import.meta.dirname, "http2-load.ts"),
    url,
    seconds,
    HTTP2_CONNECTIONS,
    CONNECTIONS / HTTP2_CONNECTIONS,
  ];
  return JSON.parse(await run(LOAD_CORE, process.execPath, args.map(String))) as Load;
}

/** @param pid the proxy's process; the application's where there is no proxy */
export async function sampleRequests(
  pid: number,
  url: string,
  seconds: number,
  version: "HTTP/1.1" | "HTTP/2" = "HTTP/1.1",
): Promise<RequestSample> {
  const before = cpuOf(pid);
  const http1 = generator === "wrk" ? wrk : autocannon;
  const load = await (version === "HTTP/2" ? http2 : http1)(url, seconds);
  const cpu = cpuOf(pid) - before;
  if (load.requests === 0 || load.faults > 0)
    throw new Error(`${load.faults} of ${load.requests} requests to ${url} failed`);
  return { cpuUs: cpu / load.requests, perSecond: load.requests / load.seconds };
}
