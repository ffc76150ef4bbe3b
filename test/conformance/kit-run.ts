/** The kit's runner as a process. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

export const KIT = join(import.meta.dirname, "../../conformance");

export interface KitOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function startKit(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  kit = KIT,
): { readonly process: ChildProcess; readonly outcome: Promise<KitOutcome> } {
  const child = spawn(process.execPath, [join(kit, "run.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  const outcome = once(child, "exit").then(async ([code]): Promise<KitOutcome> => {
    const [stdout, stderr] = await said;
    return { code: code as number | null, stdout, stderr };
  });
  return { process: child, outcome };
}

export function runKit(...args: readonly string[]): Promise<KitOutcome> {
  return startKit(args).outcome;
}
