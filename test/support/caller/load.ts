/** Load by autocannon, in a process of its own: its clients would compete with the test for one event loop. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface LoadResult {
  readonly requests: { readonly total: number };
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
  readonly resets: number;
}

/** @param args as on autocannon's command line, URL last */
export async function load(...args: readonly string[]): Promise<LoadResult> {
  const script = fileURLToPath(import.meta.resolve("autocannon"));
  const child = spawn(process.execPath, [script, "--json", "--no-progress", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
    // Certificates of a test's own authority; autocannon has no flag for one.
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: "0" },
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`autocannon ended with ${code}`);
  return JSON.parse(output) as LoadResult;
}
