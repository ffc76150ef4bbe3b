/** The Go toolchain, for what comes as a Go module and is built or unpacked outside the tree. */
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Of one command, on a machine that does other things too. */
const TIMEOUT_MS = 1_200_000;

/** @returns its stdout. Rejects with the toolchain's own words */
export async function go(args: readonly string[], env: Environment): Promise<string> {
  const { stdout } = await promisify(execFile)("go", [...args], {
    env: { ...env, CGO_ENABLED: "0", GOWORK: "off" },
    timeout: TIMEOUT_MS,
    maxBuffer: 16 * 1_048_576,
  });
  return stdout;
}

/** Where the tests keep what they have obtained, for all checkouts. */
export function cached(env: Environment, name: string): string {
  return join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "postern-test", name);
}
