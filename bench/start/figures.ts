/** What the starts of one bundle with one source come to. */
import { percentiles } from "../machine/percentiles.ts";
import type { StartFigure } from "../report/results.ts";

export interface Sample {
  readonly bundle: string;
  readonly source: string;
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly residentMiB: number;
  readonly privateMiB: number;
}

/** CPU time is what a busy machine does not blur; wall time is shown at its median and its best. */
export function figuresOf(samples: readonly Sample[]): readonly StartFigure[] {
  const groups = Map.groupBy(samples, ({ source, bundle }) => JSON.stringify([source, bundle]));
  return [...groups.values()].map((same) => {
    const { source, bundle } = same[0]!;
    const median = (of: (sample: Sample) => number): number => percentiles(same.map(of)).p50;
    return {
      source,
      bundle,
      rounds: same.length,
      readyMs: median(({ readyMs }) => readyMs),
      bestReadyMs: Math.min(...same.map(({ readyMs }) => readyMs)),
      cpuMs: median(({ cpuMs }) => cpuMs),
      residentMiB: median(({ residentMiB }) => residentMiB),
      privateMiB: median(({ privateMiB }) => privateMiB),
    };
  });
}
