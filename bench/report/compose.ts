/** The document of a report: verdicts first, then figures, then what they were taken on. Pure. */
import { verdictOf, type Goal } from "../load/report/goals.ts";
import { NOISE_PERCENT } from "../load/report/noise.ts";
import { pairsAgainst } from "./against.ts";
import { besideRivals, outcomeOf, verdictOn } from "./beside.ts";
import { list, paragraph, table, type Block, type Document, type Section } from "./document.ts";
import { doubtsOf } from "./doubts.ts";
import { reportGoals } from "./goals.ts";
import { currentRows } from "./load-rows.ts";
import type { Report } from "./report-data.ts";
import { bodiesSection } from "./sections/bodies.ts";
import { connectionsSection } from "./sections/connections.ts";
import { cutSection } from "./sections/cut.ts";
import { endpointsSection } from "./sections/endpoints.ts";
import { latencySection } from "./sections/latency.ts";
import { memorySection } from "./sections/memory.ts";
import { requestsSection } from "./sections/requests.ts";
import { fleetSection, startSection } from "./sections/start.ts";
import { number, times } from "./words.ts";

function intro(report: Report): readonly Block[] {
  const { machine, commit, against } = report;
  const { cpu, cores, memoryGiB, kernel, architecture, node, openssl, takenAt } = machine;
  const where = `${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel} ${architecture}, Node ${node}, OpenSSL ${openssl}.`;
  const what = `Taken ${takenAt} at commit ${commit}${against === undefined ? "" : `, beside ${against} in the same run`}.`;
  const doubts = doubtsOf(report);
  return [
    paragraph(`${what} ${where} Compare ratios of this page, never absolute numbers with those of another machine.`),
    ...(doubts.length === 0 ? [] : [paragraph("Doubts:"), list(doubts)]),
  ];
}

function goalRow(goal: Goal): readonly string[] {
  const { what, direction, limit, unit, value, remarks } = goal;
  const measured = typeof value === "number" ? number(value, unit) : value.unmeasured;
  return [what, `${direction} ${limit} ${unit}`, measured, verdictOf(goal), remarks.join(", ")];
}

function goals({ results }: Report): readonly Section[] {
  const all = reportGoals(results);
  if (all.length === 0) return [];
  const counted = (verdict: string): number => all.filter((goal) => verdictOf(goal) === verdict).length;
  const sum = `${counted("met")} met, ${counted("NOT MET")} not met, ${counted("not measured")} not measured. A difference of two figures that is negative, or less than ${NOISE_PERCENT} of the smaller, by which runs differ, is within the noise and counts as not measured.`;
  const head = ["goal", "limit", "measured", "verdict", "doubts"];
  return [{ title: "Goals", blocks: [paragraph(sum), table(head, all.map(goalRow))] }];
}

function losses({ results: { load } }: Report): readonly Section[] {
  const all = load === undefined ? [] : besideRivals(currentRows(load));
  if (all.length === 0) return [];
  const rows = all.map((one) => [
    one.what,
    number(one.own, one.unit),
    one.rivals.map(({ name, ratio }) => `${times(ratio)} ${name}`).join(", "),
    outcomeOf(one),
    one.remarks.join(", "),
  ]);
  return [
    {
      title: "Where Postern loses, and where it wins",
      blocks: [
        paragraph(
          `Each figure beside the rivals that do the same kind of work, as a ratio; less is better in all of them; within ${NOISE_PERCENT}, by which runs differ, is even. What reads requests has nginx, HAProxy, Envoy and http-proxy beside it; what logs them too, Envoy that does; what copies bytes, those that do.`,
        ),
        table(["figure", "Postern", "ratios, the best rival first", "outcome", "doubts"], rows),
      ],
    },
  ];
}

function baseline({ results, against }: Report): readonly Section[] {
  if (against === undefined) return [];
  const rows = pairsAgainst(results).map((pair) => [
    pair.what,
    number(pair.before, pair.unit),
    number(pair.after, pair.unit),
    times(pair.after / pair.before),
    verdictOn(pair.after / pair.before),
    pair.remarks.join(", "),
  ]);
  if (rows.length === 0) return [];
  const words = `Both measured in this run; less is better, within ${NOISE_PERCENT} is even. Change to cut is not measured of ${against}.`;
  const head = ["figure", against, "this checkout", "ratio", "", "doubts"];
  return [{ title: `Beside ${against}`, blocks: [paragraph(words), table(head, rows)] }];
}

function stamp({ machine, results, runs, commit }: Report): Section {
  const versions = Object.entries(results.load?.versions ?? {}).map(([tool, version]) => `${tool} ${version}`);
  const minutes = runs.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  return {
    title: "What was run",
    blocks: [
      ...(versions.length === 0 ? [] : [paragraph(`Versions: ${versions.join(", ")}, Node ${machine.node}.`)]),
      ...(runs.length === 0
        ? [paragraph("Made from results that were there already.")]
        : [
            paragraph(`At commit ${commit}, ${minutes.toFixed(1)} minutes in all:`),
            { kind: "code", lines: runs.map(({ command }) => command) } as const,
          ]),
      paragraph("How each figure is taken, and what is in none of them: bench/README.md."),
    ],
  };
}

export function documentOf(report: Report): Document {
  const { results, against } = report;
  const { load, micro, microBefore, start, handshake, revocation, propagation, fleet } = results;
  return {
    title: "What Postern costs",
    intro: intro(report),
    sections: [
      ...goals(report),
      ...losses(report),
      ...baseline(report),
      ...(load === undefined ? [] : [requestsSection(load), latencySection(load), bodiesSection(load)]),
      ...(handshake === undefined ? [] : [connectionsSection(handshake)]),
      ...(load === undefined && revocation === undefined ? [] : [memorySection(results)]),
      ...(micro === undefined ? [] : [endpointsSection(micro, microBefore, against)]),
      ...(revocation === undefined && propagation === undefined ? [] : [cutSection(results)]),
      ...(start === undefined ? [] : [startSection(start, ["this checkout", against ?? "another"])]),
      ...(fleet === undefined ? [] : [fleetSection(fleet)]),
      stamp(report),
    ],
  };
}
