/** Flags of `bench load`. */
import { parseArgs } from "node:util";
import { NAMES, namesOf, oneOf, wholeNumber } from "../../test/support/command-line.ts";
import { MEASUREMENTS, type MeasurementName } from "./measurements/subject.ts";

export interface LoadOptions {
  readonly only: readonly string[];
  readonly measurements: readonly MeasurementName[];
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly quick: boolean;
  readonly rate: number;
  /** Other Node binaries for Postern; the one that runs the bench when empty. */
  readonly nodes: readonly string[];
  /** Other checkouts of Postern; this one when empty. */
  readonly checkouts: readonly string[];
  readonly profile: boolean;
  /** No contender is started after so long. */
  readonly limitSeconds: number;
}

export const HELP = `npm run bench -- load [flags]
  --only NAME,...   contenders to measure (all)
  --measure NAME,...  instead of everything: ${MEASUREMENTS.join(", ")}
  --seconds N       of each measurement (5, with --quick 1)
  --warmup N        seconds of load before the steady figures (8, with --quick 1)
  --rate N          requests a second of the open loop (1000)
  --node PATH,...   run Postern on these Node binaries, side by side (the bench's own)
  --postern DIR,... run Postern from these checkouts, side by side (this one)
  --profile         also write a CPU profile of Postern's data thread under load
  --minutes N       no contender is started after so long (18, with --quick 4)
  --quick           a look within 4 minutes: no figure of it is worth keeping
  --help            show this text
`;

/** @throws when a flag is unknown or a number is none */
export function parseOptions(args: readonly string[]): LoadOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: NAMES,
      measure: NAMES,
      node: NAMES,
      postern: NAMES,
      seconds: { type: "string" },
      warmup: { type: "string" },
      rate: { type: "string", default: "1000" },
      minutes: { type: "string" },
      quick: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
    },
  });
  const { quick, minutes } = values;
  const measurements = namesOf(values.measure).map((name) => oneOf("--measure", name, MEASUREMENTS));
  return {
    only: namesOf(values.only),
    measurements: measurements.length === 0 ? MEASUREMENTS : measurements,
    seconds: wholeNumber("--seconds", values.seconds ?? (quick ? "1" : "5"), 1, 60),
    warmupSeconds: wholeNumber("--warmup", values.warmup ?? (quick ? "1" : "8"), 1, 60),
    rate: wholeNumber("--rate", values.rate, 1, 100_000),
    quick,
    nodes: namesOf(values.node),
    checkouts: namesOf(values.postern),
    profile: values.profile,
    limitSeconds: minutes === undefined ? (quick ? 210 : 18 * 60) : wholeNumber("--minutes", minutes, 1, 120) * 60,
  };
}
