/** The API server that is measured against: the tests' stand-in inside this process, or the real one as a process beside it. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { inNamespace } from "../../test/cluster/namespace.ts";
import { RealCluster } from "../../test/cluster/real-cluster.ts";
import { StandInCluster, type TestCluster } from "../../test/support/api-server/test-cluster.ts";
import { cpuOf } from "../machine/processor-time.ts";

export const SERVER_KINDS = ["stand-in", "real"] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

const INSIDE = "BENCH_NAMESPACE";

export interface MeasuredServer extends AsyncDisposable {
  readonly cluster: TestCluster;
  /** Its own, without the link that can be taken away. */
  readonly port: number;
  /** Ends it and starts it again over the same objects. The stand-in forgets nothing by that, so it just stays. */
  readonly restart: () => Promise<void>;
  /** CPU so far in microseconds: of kube-apiserver, or of this process, in which the stand-in and the link are. */
  readonly cpuUs: () => number;
}

/**
 * The real API server takes no loopback address for an endpoint, so all of this runs again in a network namespace that has
 * others. Returns the exit code of that, or `undefined` when this process is the one that measures.
 */
export function runInNamespace(kind: ServerKind, script: string, argv: readonly string[]): number | undefined {
  if (kind === "stand-in" || process.env[INSIDE] !== undefined) return undefined;
  const [command, args] = inNamespace(process.execPath, script, ...argv);
  const { status } = spawnSync(command, args, { stdio: "inherit", env: { ...process.env, [INSIDE]: "1" } });
  return status ?? 1;
}

export function startServer(kind: ServerKind): Promise<MeasuredServer> {
  return kind === "real" ? startReal() : startStandIn();
}

async function startStandIn(): Promise<MeasuredServer> {
  const cluster = await StandInCluster.start();
  return {
    cluster,
    port: cluster.server.port,
    restart: () => Promise.resolve(),
    cpuUs: () => cpuOf(process.pid),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function startReal(): Promise<MeasuredServer> {
  const real = await RealCluster.start();
  try {
    return {
      cluster: await real.borrow(),
      port: real.plane.port,
      restart: () => real.plane.restartApiServer(),
      cpuUs: () => cpuOf(childNamed("kube-apiserver")),
      [Symbol.asyncDispose]: () => real.end(),
    };
  } catch (error) {
    await real.end();
    throw error;
  }
}

/** A process of ours by its name, which changes its id with every restart. */
function childNamed(name: string): number {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "latin1");
      const [, comm, , parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(stat) ?? [];
      if (comm === name && Number(parent) === process.pid) return Number(entry);
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error(`${name} does not run`);
}
