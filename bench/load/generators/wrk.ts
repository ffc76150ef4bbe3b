/** wrk: little CPU a request, HTTP/1.1, no client certificate. */
import { run } from "../processes/pinned-process.ts";
import { locate } from "../processes/tools.ts";
import { CONNECTIONS, GRACE_SECONDS, numberIn, type GeneratedLoad, type GeneratorRun } from "./generated-load.ts";

const NON_2XX = /Non-2xx or 3xx responses: (\d+)/;

export function parseWrk(output: string): GeneratedLoad {
  const answered = numberIn(output, /(\d+) requests in /, "wrk's number of requests");
  const [, time = "", unit = "s"] = /requests in ([\d.]+)(ms|s|m)/.exec(output) ?? [];
  const scale = { ms: 0.001, s: 1, m: 60 }[unit] ?? Number.NaN;
  const refused = NON_2XX.test(output) ? numberIn(output, NON_2XX, "wrk's number of refusals") : 0;
  const line = /Socket errors: (.*)/.exec(output)?.[1] ?? "";
  const broken = [...line.matchAll(/\d+/g)].reduce((sum, [count]) => sum + Number(count), 0);
  return { requests: answered - refused, faults: refused + broken, seconds: Number(time) * scale };
}

export async function wrk(url: string, seconds: number): Promise<GeneratorRun> {
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--timeout", "10s", url];
  const { output, cpuUs } = await run(locate("wrk"), args, seconds + GRACE_SECONDS);
  return { ...parseWrk(output), generator: "wrk", generatorCpuUs: cpuUs };
}
