/** What a start of the bundle takes, and fleets. */
import { paragraph, table, type Section } from "../document.ts";
import type { FleetResult, StartResult } from "../results.ts";
import { number } from "../words.ts";

/** @param names of the bundles, by their place in the result */
export function startSection({ figures }: StartResult, names: readonly string[]): Section {
  const bundles = [...new Set(figures.map(({ bundle }) => bundle))];
  const body = figures.map(({ source, bundle, readyMs, bestReadyMs, cpuMs, residentMiB, privateMiB }) => [
    `${names[bundles.indexOf(bundle)] ?? "another"}, ${source}`,
    number(readyMs),
    number(bestReadyMs),
    number(cpuMs),
    number(residentMiB),
    number(privateMiB),
  ]);
  return {
    title: "Start",
    blocks: [
      paragraph(
        `The bundle, one data thread, from the start of the process to the first 200 of /readyz; memory some seconds later. Medians of ${figures[0]?.rounds ?? 0} rounds; CPU time is what a busy machine does not blur.`,
      ),
      table(["bundle, source", "ms until ready", "the best", "CPU ms", "RSS MiB", "of it private"], body),
    ],
  };
}

export function fleetSection({ kind, sidecars, quiet }: FleetResult): Section {
  return {
    title: "Fleet",
    blocks: [
      paragraph(`${sidecars} sidecars at one API server (${kind}), in quiet.`),
      table(
        ["", "measured"],
        Object.entries(quiet).map(([name, value]) => [name, number(value)]),
      ),
    ],
  };
}
