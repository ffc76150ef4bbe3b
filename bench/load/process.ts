/** Child processes on a core of their own, ended one by one. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";

/** The proxy alone on one core; load and application share the other, so that neither is counted or hidden. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

export const canPin: boolean = cpus().length > 1 && installed("taskset");

export function installed(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v "$0"`, program]).status === 0;
}

export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** The end of what it wrote, for the message when it fails. */
  readonly output: () => string;
  readonly exited: () => boolean;
}

function pinned(core: number, command: string, args: readonly string[]): readonly [string, readonly string[]] {
  return canPin ? ["taskset", ["-c", String(core), command, ...args]] : [command, args];
}

/** `taskset` becomes the command that it starts, so the pid is the command's own. */
export function start(core: number, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const [program, argv] = pinned(core, command, args);
  const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-4_000)));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} cannot be started`);
  return { pid, output: () => output, exited: () => hasExited(child), [Symbol.asyncDispose]: () => end(child) };
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function end(child: ChildProcess): Promise<void> {
  if (hasExited(child)) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  // Measurements are over: a drain would only cost time.
  const timer = setTimeout(() => child.kill("SIGKILL"), 1_000);
  await exit;
  clearTimeout(timer);
}

/** Runs a program to its end on a core and gives what it printed. */
export async function run(core: number, command: string, args: readonly string[]): Promise<string> {
  const [program, argv] = pinned(core, command, args);
  const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors.slice(-1_000)}`);
  return output;
}
