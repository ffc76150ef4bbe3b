/** `npm run bench -- load [flags]`: measures, prints, writes the figures, and asserts nothing about them. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { readArguments } from "../../test/support/command-line.ts";
import { machineStamp } from "../machine/stamp.ts";
import { buildsOf } from "./builds.ts";
import { contenders } from "./contenders/contenders.ts";
import { h2load } from "./generators/h2load.ts";
import { wrk } from "./generators/wrk.ts";
import { isUnmeasured } from "./measurements/figures.ts";
import { measureAll } from "./measurements/measure-all.ts";
import { urlOf, type Subject } from "./measurements/subject.ts";
import { HELP, parseOptions } from "./options.ts";
import { canPin, pinSelf } from "./processes/pinned-process.ts";
import { TOOLS } from "./processes/tools.ts";
import { versionsOf } from "./processes/versions.ts";
import { takeProfile } from "./profile/take-profile.ts";
import { goalsOf, goalTable, suffixesOf } from "./report/goals.ts";
import { ratioTables } from "./report/ratio-tables.ts";
import { RESULTS, resultName, writeResult } from "./report/results.ts";
import { figureTables } from "./report/tables.ts";
import { textTable } from "./report/text-table.ts";

const MIB = 2 ** 20;
const say = (line: string): void => console.error(line);

// Its children are killed, and its folder removed, as the process exits.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

const { options, builds, measured } = readArguments(HELP, (args) => {
  const options = parseOptions(args);
  const builds = buildsOf(options);
  return { options, builds, measured: contenders(builds, options.only) };
});
const { quick, seconds, warmupSeconds, rate, limitSeconds } = options;
const stamp = machineStamp();
const name = resultName("load", stamp);

async function profile({ contender, serverOnly }: Subject, folder: string): Promise<void> {
  mkdirSync(RESULTS, { recursive: true });
  const file = (version: string): string => join(RESULTS, `${name}-${contender.name}-${version}.cpuprofile`);
  const take = async (load: typeof wrk, version: string): Promise<void> => {
    const spots = await takeProfile((length) => load(urlOf(serverOnly), length), seconds, folder, file(version));
    say(`${contender.name} over ${version}, ${file(version)}`);
    for (const { name: spot, share } of spots) say(`  ${(share * 100).toFixed(1).padStart(5)} %  ${spot}`);
  };
  await take(wrk, "http1");
  if (contender.http2) await take(h2load, "http2");
}

pinSelf();
if (!canPin) say("WARNING: no taskset or one core only: nothing is pinned, figures are not worth much");
const outcome = await measureAll({
  contenders: measured,
  extent: {
    measurements: new Set(options.measurements),
    seconds,
    warmupSeconds,
    firstSeconds: quick ? 1 : 5,
    rate,
    bodyRepeats: quick ? 1 : 3,
    idleConnections: quick ? 80 : 800,
  },
  bodyBytes: (quick ? 32 : 256) * MIB,
  limitSeconds,
  ...(options.profile && { profile }),
  say,
});

const goals = suffixesOf(outcome.rows).map((suffix) => ({ suffix, goals: goalsOf(outcome, suffix) }));
console.log(`${stamp.cpu}, ${stamp.cores} cores, Linux ${stamp.kernel}, Node ${stamp.node}, OpenSSL ${stamp.openssl}`);
for (const { suffix, node, checkout } of builds) console.log(`postern${suffix}: ${node}, ${checkout}`);
console.log(figureTables(outcome));
console.log(ratioTables(outcome));
for (const { suffix, goals: own } of goals) {
  console.log(`\nGoals of postern${suffix}${quick ? " (a quick run decides nothing)" : ""}`);
  console.log(textTable(["", "goal", "measured", "", "doubts"], goalTable(own)));
}
const versions = versionsOf(TOOLS);
const file = writeResult(name, {
  bench: "load",
  machine: stamp,
  versions,
  pinned: canPin,
  options,
  builds,
  ...outcome,
  goals,
});
console.log(`\nwritten to ${file}`);
if (outcome.rows.some(({ result }) => isUnmeasured(result) && !result.unmeasured.includes("not installed")))
  process.exitCode = 1;
