/** The API server of a long run: the tests' stand-in, or the real one as `npm run test:cluster` builds it. */
import { spawnSync } from "node:child_process";
import { inNamespace } from "../cluster/namespace.ts";
import { RealCluster } from "../cluster/real-cluster.ts";
import { StandInCluster, type HeldCredentials, type TestCluster } from "../support/api-server/test-cluster.ts";

export const SERVERS = ["stand-in", "real"] as const;
export type Server = (typeof SERVERS)[number];

export interface SoakServer extends AsyncDisposable {
  readonly cluster: TestCluster;
  /** An endpoint that comes and goes. The real one takes no loopback address for one. */
  readonly visitor: string;
  /** Ends it and starts it again over the same objects. The stand-in stays, behind its link that is taken away. */
  readonly restart: () => Promise<void>;
  /** Whose token outlives what is left until the next restart. */
  readonly credentials: () => Promise<HeldCredentials>;
}

const TOKEN_SECONDS = 24 * 3_600;
const INSIDE = "SOAK_NAMESPACE";

/** Runs all of this again in a network namespace that has addresses for the real one; returns the exit code of that. */
export function runInNamespace(server: Server, script: string, argv: readonly string[]): number | undefined {
  if (server === "stand-in" || process.env[INSIDE] !== undefined) return undefined;
  const [command, args] = inNamespace(process.execPath, script, ...argv);
  const { status } = spawnSync(command, args, { stdio: "inherit", env: { ...process.env, [INSIDE]: "1" } });
  return status ?? 1;
}

export async function startServer(server: Server): Promise<SoakServer> {
  if (server === "stand-in") {
    const cluster = await StandInCluster.start();
    return {
      cluster,
      visitor: "127.0.0.20",
      restart: () => {
        // What was asked so far is of no use to anybody, and must not grow for hours.
        cluster.server.calls.length = 0;
        return cluster.compact();
      },
      credentials: () => Promise.resolve(cluster.credentials()),
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  }
  const real = await RealCluster.start();
  const cluster = await real.borrow();
  return {
    cluster,
    visitor: "10.99.5.20",
    restart: () => real.plane.restartApiServer(),
    credentials: async () => {
      const held = real.credentials();
      held.token = await real.token(TOKEN_SECONDS);
      return held;
    },
    [Symbol.asyncDispose]: () => real.end(),
  };
}
