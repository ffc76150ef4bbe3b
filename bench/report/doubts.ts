/** What a reader must know before believing a report. Pure. */
import { DISTURBED, isUnmeasured, SATURATED, type Figures } from "../load/measurements/figures.ts";
import { currentRows } from "./load-rows.ts";
import type { Report } from "./report-data.ts";
import type { LoadResult } from "./results.ts";

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

const LOADS = ["steady", "first", "mutual", "http2", "handshakeFull", "fixedRate", "bodyDown", "bodyUp"] as const;
/** The load, not the proxy, sets the pace of the others. */
const TO_BE_SATURATED: ReadonlySet<keyof Figures> = new Set(["steady", "first", "mutual", "http2"]);

function ofLoad(load: LoadResult): readonly string[] {
  let all = 0;
  let disturbed = 0;
  const idle: string[] = [];
  const missing: string[] = [];
  for (const { contender, result } of currentRows(load)) {
    if (isUnmeasured(result)) {
      missing.push(`${contender} was not measured: ${result.unmeasured}.`);
      continue;
    }
    for (const key of LOADS) {
      const figure = result[key];
      if (isUnmeasured(figure)) continue;
      all += 1;
      if (figure.others > DISTURBED) disturbed += 1;
      if (TO_BE_SATURATED.has(key) && figure.busy < SATURATED) idle.push(`${contender} (${key})`);
    }
  }
  return [
    ...(disturbed === 0
      ? []
      : [`In ${disturbed} of ${all} figures of the load bench other processes had more than 5 % of the proxy's core.`]),
    ...(idle.length === 0 ? [] : [`Not saturated, so a little too dear a request: ${idle.join(", ")}.`]),
    ...(load.application === "nginx"
      ? []
      : [`The application was ${load.application}, which is slower than some of the proxies.`]),
    ...missing,
  ];
}

export function doubtsOf({ quick, runs, results, commit, machine }: Report): readonly string[] {
  const taken = Object.values(results).map((result) => result.machine);
  const machines = new Set(taken.map(({ cpu, cores, kernel, node }) => `${cpu}, ${cores} cores, ${kernel}, ${node}`));
  return [
    ...(quick ? ["A quick run: seconds where others take minutes. It decides nothing."] : []),
    ...runs
      .filter(({ othersBefore }) => othersBefore > DISTURBED)
      .map(
        ({ suite, othersBefore }) => `Others had ${percent(othersBefore)} of this machine just before ${suite} began.`,
      ),
    ...runs.filter(({ failure }) => failure !== "").map(({ suite, failure }) => `${suite}: ${failure}.`),
    ...(results.load === undefined ? [] : ofLoad(results.load)),
    ...(machines.size > 1 ? ["The figures are of different machines or runtimes and must not be compared."] : []),
    ...(commit.endsWith("+") ? ["Files differed from the commit that is named."] : []),
    ...(runs.length === 0 && taken.length > 1
      ? [`Suites were run one by one between ${spanOf(taken.map(({ takenAt }) => takenAt))}, not as one report.`]
      : []),
    ...(machine.cores < 4
      ? [`${machine.cores} cores: generator and application share one, the proxy has the other.`]
      : []),
  ];
}

function spanOf(times: readonly string[]): string {
  const sorted = times.toSorted();
  return `${sorted[0] ?? ""} and ${sorted.at(-1) ?? ""}`;
}
