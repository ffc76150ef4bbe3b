/** Flags of `bench load`, all problems of them at once. */
import { parseArgs } from "node:util";
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
`;

const STRING = { type: "string", multiple: true, default: [] as string[] } as const;

function split(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(",")).filter((value) => value !== "");
}

/** @throws when a flag is unknown or a number is none */
export function parseOptions(args: readonly string[]): LoadOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: STRING,
      measure: STRING,
      node: STRING,
      postern: STRING,
      seconds: { type: "string" },
      warmup: { type: "string" },
      rate: { type: "string", default: "1000" },
      minutes: { type: "string" },
      quick: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
    },
  });
  const problems: string[] = [];
  const count = (name: string, text: string, highest: number): number => {
    const value = Number(text);
    if (!(Number.isInteger(value) && value >= 1 && value <= highest))
      problems.push(`--${name} is '${text}'; expected a whole number from 1 to ${highest}`);
    return value;
  };
  const measurements = split(values.measure).flatMap((name) => {
    const known = MEASUREMENTS.find((one) => one === name);
    if (known === undefined) problems.push(`--measure is '${name}'; expected ${MEASUREMENTS.join(", ")}`);
    return known ?? [];
  });
  const options: LoadOptions = {
    only: split(values.only),
    measurements: measurements.length === 0 ? MEASUREMENTS : measurements,
    seconds: count("seconds", values.seconds ?? (values.quick ? "1" : "5"), 60),
    warmupSeconds: count("warmup", values.warmup ?? (values.quick ? "1" : "8"), 60),
    rate: count("rate", values.rate, 100_000),
    quick: values.quick,
    nodes: split(values.node),
    checkouts: split(values.postern),
    profile: values.profile,
    limitSeconds:
      values.minutes === undefined ? (values.quick ? 210 : 18 * 60) : count("minutes", values.minutes, 120) * 60,
  };
  if (problems.length > 0) throw new Error(problems.join("; "));
  return options;
}
