/** Flags of `bench handshake`. */
import { parseArgs } from "node:util";
import { NAMES, namesOf, oneOf, wholeNumber } from "../../test/support/command-line.ts";
import { MEASUREMENTS, type Measurement } from "./measurement.ts";

export interface HandshakeOptions {
  readonly only: readonly string[];
  readonly measurements: readonly Measurement[];
  /** Of each measurement, the contenders in turn. */
  readonly rounds: number;
  /** Of one contender in one round. */
  readonly seconds: number;
  readonly idleConnections: number;
  /** Other Node binaries for Postern; the one that runs the bench when empty. */
  readonly nodes: readonly string[];
  /** Other checkouts of Postern; this one when empty. */
  readonly checkouts: readonly string[];
  readonly quick: boolean;
}

export const HELP = `npm run bench -- handshake [flags]

CPU that a new mTLS connection with one request costs the proxy, by Postern, nginx, HAProxy, Envoy and ghostunnel in one run:
a full handshake and a resumed session over TLS 1.2 and 1.3, an address that is refused, and the memory of an idle
connection. All contenders run; they are loaded in turn, in several rounds.

  --only NAME,...     contenders to measure (all)
  --measure NAME,...  instead of everything: ${MEASUREMENTS.join(", ")}
  --rounds N          of each measurement (5, with --quick 1)
  --seconds N         of each contender in each round (2, with --quick 1)
  --connections N     idle connections, 100 to 9000 (5000, with --quick 400); each takes two descriptors of 'ulimit -n'
  --node PATH,...     run Postern on these Node binaries, side by side (the bench's own)
  --postern DIR,...   run Postern from these checkouts, side by side (this one)
  --quick             a look within a minute: no figure of it is worth keeping
  --help              show this text
`;

/** @throws when a flag is unknown or a value is none of those expected */
export function parseOptions(args: readonly string[]): HandshakeOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: NAMES,
      measure: NAMES,
      rounds: { type: "string" },
      seconds: { type: "string" },
      connections: { type: "string" },
      node: NAMES,
      postern: NAMES,
      quick: { type: "boolean", default: false },
    },
  });
  const { quick } = values;
  const measurements = namesOf(values.measure).map((name) => oneOf("--measure", name, MEASUREMENTS));
  return {
    only: namesOf(values.only),
    measurements: measurements.length === 0 ? MEASUREMENTS : measurements,
    rounds: wholeNumber("--rounds", values.rounds ?? (quick ? "1" : "5"), 1, 100),
    seconds: wholeNumber("--seconds", values.seconds ?? (quick ? "1" : "2"), 1, 60),
    idleConnections: wholeNumber("--connections", values.connections ?? (quick ? "400" : "5000"), 100, 9_000),
    nodes: namesOf(values.node),
    checkouts: namesOf(values.postern),
    quick,
  };
}
