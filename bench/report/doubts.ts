/** What a reader must know before believing a report. Pure. */
import { DISTURBED, isUnmeasured, SATURATED, type Figures } from "../load/measurements/figures.ts";
import { currentRows } from "./load-rows.ts";
import type { Report } from "./report-data.ts";
import type { LoadResult } from "./results.ts";

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

const LOADS = ["steady", "first", "mutual", "http2", "handshakeFull", "fixedRate", "bodyDown", "bodyUp"] as const;
/** Those whose figures have a `*` where the proxy had time to spare; the load, not the proxy, sets the pace of the others. */
const TO_BE_SATURATED: ReadonlyMap<keyof Figures, string> = new Map([
  ["steady", "HTTP/1.1"],
  ["first", "first seconds"],
  ["mutual", "mTLS"],
  ["http2", "HTTP/2"],
  ["handshakeFull", "handshake"],
]);

function ofLoad(load: LoadResult): readonly string[] {
  let all = 0;
  let disturbed = 0;
  const idle: { readonly load: string; readonly contender: string }[] = [];
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
      const name = TO_BE_SATURATED.get(key);
      if (name !== undefined && figure.busy < SATURATED) idle.push({ load: name, contender });
    }
  }
  return [
    ...(disturbed === 0
      ? []
      : [`In ${disturbed} of ${all} figures of the load bench other processes had more than 5 % of the proxy's core.`]),
    ...[...Map.groupBy(idle, ({ load: name }) => name)].map(
      ([name, all]) =>
        `Not saturated by ${name}, so a little too dear a request: ${all.map(({ contender }) => contender).join(", ")}.`,
    ),
    ...(load.application === "nginx"
      ? []
      : [`The application was ${load.application}, which is slower than some of the proxies.`]),
    ...missing,
  ];
}

function nameOf({ suite, of }: Report["runs"][number]): string {
  return of === undefined ? suite : `${suite} of ${of}`;
}

export function doubtsOf({ quick, runs, results, commit, machine }: Report): readonly string[] {
  const taken = Object.values(results).map((result) => result.machine);
  const machines = new Set(taken.map(({ cpu, cores, kernel, node }) => `${cpu}, ${cores} cores, ${kernel}, ${node}`));
  return [
    ...(quick ? ["A quick run: seconds where others take minutes. It decides nothing."] : []),
    ...runs
      .filter(({ othersBefore }) => othersBefore > DISTURBED)
      .map((run) => `Others had ${percent(run.othersBefore)} of this machine just before ${nameOf(run)} began.`),
    ...runs.filter(({ failure }) => failure !== "").map((run) => `${nameOf(run)}: ${run.failure}.`),
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
