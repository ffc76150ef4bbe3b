/** `npm run bench -- report [flags]`: runs the suites, or takes what they wrote, and makes pages of it. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { readArguments } from "../../test/support/command-line.ts";
import { RESULTS, resultName } from "../load/report/results.ts";
import { machineStamp } from "../machine/stamp.ts";
import { Baseline, commitOf, currentCommit } from "./baseline.ts";
import { documentOf } from "./compose.ts";
import type { Document } from "./document.ts";
import { HELP, parseOptions, type ReportOptions } from "./options.ts";
import { htmlPage } from "./pages/html.ts";
import { markdownPage } from "./pages/markdown.ts";
import { planOf } from "./plan.ts";
import { reportFrom, type Report } from "./report-data.ts";
import { gather } from "./results.ts";
import { runSteps } from "./run-steps.ts";

/** npm runs this in the folder of bench, and says from where it was called. */
const CALLED_FROM = process.env["INIT_CWD"] ?? process.cwd();

/** @throws when it is stopped; nothing of it runs or lies about by then */
async function runAll({ suites, quick, against }: ReportOptions, stop: AbortSignal): Promise<Report> {
  const machine = machineStamp();
  const commit = currentCommit();
  using baseline = against === undefined ? undefined : await Baseline.open(against, stop);
  const steps = planOf({ suites, quick }, baseline?.sides);
  const { runs, found } = await runSteps(steps, join(RESULTS, resultName("report", machine)), stop);
  const compared = baseline === undefined ? {} : { against: baseline.sides.commit };
  return { bench: "report", machine, commit, ...compared, quick, runs, results: gather(found) };
}

async function runUnlessEnded(options: ReportOptions): Promise<Report> {
  const stopping = new AbortController();
  let by: NodeJS.Signals = "SIGTERM";
  // Heard as often as it comes: Ctrl-C comes from the terminal and from who started this.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (stopping.signal.aborted) return;
      by = signal;
      stopping.abort();
    });
  try {
    return await runAll(options, stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    console.error(`ended by ${by}`);
    process.exit(128 + constants.signals[by]);
  }
}

function writeMarkdown(document: Document, file: string): void {
  const folder = file.replace(/\.md$/, "");
  const { text, plots } = markdownPage(document, basename(folder));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  mkdirSync(folder, { recursive: true });
  // Plots of another run must not stand beside these.
  for (const old of readdirSync(folder).filter((entry) => entry.endsWith(".svg"))) rmSync(join(folder, old));
  for (const [name, svg] of plots) writeFileSync(join(folder, name), svg);
  console.log(`written to ${file}, plots to ${folder}`);
}

/** @throws when one cannot be read, or is none of figures */
function reportOf(files: readonly string[]): Report {
  return reportFrom(new Map(files.map((file) => [file, readFileSync(resolve(CALLED_FROM, file), "utf8")])));
}

const { options, given } = readArguments(HELP, (argv) => {
  const { against, ...parsed } = parseOptions(argv);
  return {
    options: against === undefined ? parsed : { ...parsed, against: commitOf(against) },
    given: parsed.from.length === 0 ? undefined : reportOf(parsed.from),
  };
});
const report = given ?? (await runUnlessEnded(options));
const document = documentOf(report);
const [first] = options.from;
// Pages stand beside the figures that they are of. What was measured is written once, by the run that measured it.
const name =
  first === undefined
    ? join(RESULTS, resultName("report", report.machine))
    : resolve(CALLED_FROM, first).replace(/\.json$/, "");
mkdirSync(dirname(name), { recursive: true });
if (given === undefined) {
  writeFileSync(`${name}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(`written to ${name}.json`);
}
writeFileSync(`${name}.html`, htmlPage(document));
console.log(`written to ${name}.html`);
const asked = options.markdown === undefined ? [] : [resolve(CALLED_FROM, options.markdown)];
for (const file of [`${name}.md`, ...asked]) writeMarkdown(document, file);
if (report.runs.some(({ failure }) => failure !== "")) process.exitCode = 1;
