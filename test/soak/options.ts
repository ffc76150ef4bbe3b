/** Arguments of `npm run test:soak`. */
import { parseArgs } from "node:util";
import { numberAboveZero, oneOf } from "../support/command-line.ts";
import { SERVERS, type Server } from "./api-server.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly server: Server;
}

const LONGEST_HOURS = 72;

export const HELP = `npm run test:soak -- [options]

Everything at once against one sidecar. Ends with a table, and with 1 where a row of it does not hold. SIGINT ends it early.

  --minutes N     how long (5)
  --hours N       instead of --minutes, up to ${LONGEST_HOURS}
  --server NAME   stand-in (default), or real: kube-apiserver as 'npm run test:cluster' builds it, in a network namespace
  --help          show this text
`;

/** @throws when an option is unknown or its value is none of those expected */
export function parseOptions(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string" },
      hours: { type: "string" },
      server: { type: "string", default: "stand-in" },
    },
  });
  const { minutes = "5", hours } = values;
  if (hours !== undefined && values.minutes !== undefined) throw new Error("--minutes and --hours exclude each other");
  return {
    minutes:
      hours === undefined
        ? numberAboveZero("--minutes", minutes, LONGEST_HOURS * 60)
        : numberAboveZero("--hours", hours, LONGEST_HOURS) * 60,
    server: oneOf("--server", values.server, SERVERS),
  };
}
