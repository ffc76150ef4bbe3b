/** Load by autocannon, in a process of its own: its clients would compete with the test for one event loop. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Options } from "autocannon";

export interface LoadResult {
  readonly requests: { readonly total: number };
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
  readonly resets: number;
}

/** Requests without a pause until its end is asked for. */
export interface Load {
  end(): Promise<LoadResult>;
}

export function startLoad(options: Options): Load {
  const child = spawn(process.execPath, [join(import.meta.dirname, "load-process.ts"), JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "ignore"],
    // Certificates of a test's own authority; autocannon has no option for one.
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: "0" },
  });
  const output = text(child.stdout);
  const exited = once(child, "exit") as Promise<[number | null]>;
  return {
    end: async () => {
      child.stdin.end();
      const [code] = await exited;
      if (code !== 0) throw new Error(`autocannon ended with ${code}`);
      return JSON.parse(await output) as LoadResult;
    },
  };
}
