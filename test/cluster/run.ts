/**
 * `npm run test:cluster`: the suites that need a real API server. Builds it where Go is (once a version), and runs the suites
 * in a network namespace of their own, because the API server takes no loopback address for an endpoint. Where a part is
 * missing, one line says so.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { join } from "node:path";
import { buildControlPlane, cachedBinaries } from "./control-plane/build.ts";

/** In the namespace: the API server's own address, and those of Pods that the tests make up. */
const PREPARE = 'ip link set lo up && ip addr add 10.99.0.1/16 dev lo && exec "$@"';

function works(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** What is missing, or `undefined`. */
async function missing(namespace: readonly string[]): Promise<string | undefined> {
  const [command = "", ...args] = namespace;
  if (!works(command, ...args, "sh", "-c", PREPARE, "sh", "true"))
    return "a network namespace cannot be made here (unshare and ip are needed)";
  if ((await cachedBinaries(process.env)) === undefined && !works("go", "version"))
    return "there is no Go toolchain here";
  return undefined;
}

async function main(patterns: readonly string[]): Promise<number> {
  const root = process.getuid?.() === 0;
  const namespace = ["unshare", root ? "-n" : "-rn"];
  const lacking = await missing(namespace);
  if (lacking !== undefined) {
    console.log(`cluster suites skipped: ${lacking}`);
    return 0;
  }
  await buildControlPlane(process.env, (line) => console.log(line));
  const files = globSync(patterns.length > 0 ? [...patterns] : [join(import.meta.dirname, "*.cluster.ts")]);
  const [command = "", ...args] = namespace;
  // One at a time: each has a control plane of its own.
  const test = [process.execPath, "--test", "--test-concurrency=1", ...files.sort()];
  const child = spawn(command, [...args, "sh", "-c", PREPARE, "sh", ...test], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

process.exitCode = await main(process.argv.slice(2));
