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
import { limitFlags } from "../support/limits/flags.ts";
import { inNamespace } from "./namespace.ts";

/** Of one test: a control plane starts within it. */
const TEST_LIMIT_MS = 240_000;

function works(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** What is missing, or `undefined`. */
async function missing(): Promise<string | undefined> {
  const [command, args] = inNamespace("true");
  if (!works(command, ...args)) return "a network namespace cannot be made here (unshare and ip are needed)";
  if ((await cachedBinaries(process.env)) === undefined && !works("go", "version"))
    return "there is no Go toolchain here";
  return undefined;
}

async function main(patterns: readonly string[]): Promise<number> {
  const lacking = await missing();
  if (lacking !== undefined) {
    console.log(`cluster suites skipped: ${lacking}`);
    return 0;
  }
  await buildControlPlane(process.env, (line) => console.log(line));
  const files = globSync(patterns.length > 0 ? [...patterns] : [join(import.meta.dirname, "*.cluster.ts")]);
  // One at a time: each has a control plane of its own.
  const [command, args] = inNamespace(
    process.execPath,
    ...limitFlags(TEST_LIMIT_MS),
    "--test",
    "--test-concurrency=1",
    ...files.sort(),
  );
  const child = spawn(command, args, { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

process.exitCode = await main(process.argv.slice(2));
