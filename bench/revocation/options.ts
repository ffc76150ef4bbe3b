/** Flags of `bench revocation`. */
import { parseArgs } from "node:util";
import { oneOf, wholeNumber } from "../../test/support/command-line.ts";

export interface RevocationOptions {
  /** Live connections in all. */
  readonly connections: number;
  /** Of them, those that lose their right in each change. */
  readonly violating: number;
  /** How often each change is made. */
  readonly rounds: number;
  /** Data threads of the sidecar. */
  readonly workers: number;
  readonly quick: boolean;
  /** Who is measured. */
  readonly server: (typeof SERVERS)[number];
}

const SERVERS = ["postern", "bare"] as const;

export const HELP = `npm run bench -- revocation [flags]

Measures how long a lost right takes to close live connections, and what others notice of it: a real sidecar, kept mTLS
connections of many certificates, of which a tenth lose their right by each of certificate expiry, CRL entry, CA removal,
principal removal and endpoint removal, under 500 requests a second of others. Also the memory of an idle connection.

  --connections N   live connections, 100 to 9000 (5000, with --quick 500); each takes two descriptors of 'ulimit -n'
  --workers N       data threads of the sidecar (2)
  --quick           one round of each change instead of three: no figure of it is worth keeping
  --server NAME     postern (default), or bare: threads of Node's own TLS that do nothing but close, as the floor
  --help            show this text
`;

/** @throws when a flag is unknown or a number is none */
export function parseOptions(args: readonly string[]): RevocationOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      connections: { type: "string" },
      workers: { type: "string", default: "2" },
      quick: { type: "boolean", default: false },
      server: { type: "string", default: "postern" },
    },
  });
  const server = oneOf("--server", values.server, SERVERS);
  const { quick } = values;
  // The sidecar takes 10,000, each thread its share, and the kernel does not spread them evenly.
  const connections = wholeNumber("--connections", values.connections ?? (quick ? "500" : "5000"), 100, 9_000);
  return {
    connections,
    violating: Math.floor(connections / 10),
    rounds: quick ? 1 : 3,
    workers: wholeNumber("--workers", values.workers, 1, 64),
    quick,
    server,
  };
}
