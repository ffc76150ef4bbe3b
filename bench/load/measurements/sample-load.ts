/** Any load of requests, and the CPU that the proxy took meanwhile. */
import { cpuOfTrees } from "../../machine/processor-time.ts";
import type { GeneratorRun } from "../generators/generated-load.ts";
import type { LoadFigure } from "./figures.ts";

/**
 * @param cpuUs CPU of the proxy during the run, microseconds
 * @throws when a request failed: what answers wrongly fast is not measured
 */
export function loadFigure(run: GeneratorRun, cpuUs: number): LoadFigure {
  const { requests, faults, seconds, generator, generatorCpuUs, latency } = run;
  if (requests === 0 || faults > 0) throw new Error(`${faults} requests failed, ${requests} did not (${generator})`);
  return {
    cpuUs: cpuUs / requests,
    perSecond: requests / seconds,
    busy: cpuUs / 1e6 / seconds,
    generator,
    generatorUs: generatorCpuUs / requests,
    ...(latency !== undefined && { latency }),
  };
}

export async function sampleLoad(pids: readonly number[], generate: () => Promise<GeneratorRun>): Promise<LoadFigure> {
  const before = cpuOfTrees(pids);
  const run = await generate();
  return loadFigure(run, cpuOfTrees(pids) - before);
}
