/** Any load of requests, and the CPU that the proxy took meanwhile. */
import type { GeneratorRun } from "../generators/generated-load.ts";
import type { LoadFigure } from "./figures.ts";
import { watchCore, type CoreUse } from "./proxy-core.ts";

/** @throws when a request failed: what answers wrongly fast is not measured */
export function loadFigure(run: GeneratorRun, { proxyUs, busy, others }: CoreUse): LoadFigure {
  const { requests, faults, seconds, generator, generatorCpuUs, latency } = run;
  if (requests === 0 || faults > 0) throw new Error(`${faults} requests failed, ${requests} did not (${generator})`);
  return {
    cpuUs: proxyUs / requests,
    perSecond: requests / seconds,
    busy,
    others,
    generator,
    generatorUs: generatorCpuUs / requests,
    ...(latency !== undefined && { latency }),
  };
}

export async function sampleLoad(pids: readonly number[], generate: () => Promise<GeneratorRun>): Promise<LoadFigure> {
  const used = watchCore(pids);
  const run = await generate();
  return loadFigure(run, used(run.seconds));
}
