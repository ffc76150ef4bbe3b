/**
 * `npm run test:cluster`: the suites that need a real API server. Builds it where Go is (once a version), and runs the suites
 * in a network namespace of their own, because the API server takes no loopback address for an endpoint. Where a part is
 * missing, one line says so.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { buildControlPlane, cachedBinaries } from "./control-plane/build.ts";
import { obtainCertManager } from "./modules/cert-manager.ts";
import { obtainHelm } from "./modules/helm.ts";
import { readArguments } from "../support/command-line.ts";
import { limitFlags } from "../support/limits/flags.ts";
import { suiteFiles } from "../support/suite-files.ts";
import { inNamespace } from "./namespace.ts";

/** Of one test: a control plane starts within it. */
const TEST_LIMIT_MS = 240_000;

const HELP = `npm run test:cluster -- [FILE...]

The suites that need a real API server (test/cluster/*.cluster.ts), or these files alone. Builds the API server where Go is.
`;

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

/** What single suites need; where it cannot be had, these skip themselves. */
async function obtainModules(files: readonly string[]): Promise<void> {
  const say = (line: string): void => console.log(line);
  const wanted = [
    { suite: "chart.cluster.ts", obtain: () => obtainHelm(process.env, say) },
    { suite: "cert-manager.cluster.ts", obtain: () => obtainCertManager(process.env) },
  ];
  for (const { suite, obtain } of wanted.filter((one) => files.some((file) => file.endsWith(one.suite))))
    try {
      await obtain();
    } catch (error) {
      say(`${suite} skips what needs its Go module: ${error instanceof Error ? error.message : String(error)}`);
    }
}

async function main(files: readonly string[]): Promise<number> {
  const lacking = await missing();
  if (lacking !== undefined) {
    console.log(`cluster suites skipped: ${lacking}`);
    return 0;
  }
  await buildControlPlane(process.env, (line) => console.log(line));
  await obtainModules(files);
  // One at a time: each has a control plane of its own.
  const [command, args] = inNamespace(
    process.execPath,
    ...limitFlags(TEST_LIMIT_MS),
    "--test",
    "--test-concurrency=1",
    ...files,
  );
  const child = spawn(command, args, { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

process.exitCode = await main(
  readArguments(HELP, (args) => suiteFiles(args, join(import.meta.dirname, "*.cluster.ts"))),
);
