/** Child processes on a core of their own, each bounded in time, all of them ended with the bench. */
import { spawn, spawnSync, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { reapedCpuUs } from "../../machine/processor-time.ts";

/** The proxy alone on one core; load and application share the other, so that neither is counted or hidden. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

export const canPin: boolean = cpus().length > 1 && spawnSync("taskset", ["--version"]).status === 0;

const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** The end of what it wrote, for the message when it fails. */
  readonly output: () => string;
  readonly exited: () => boolean;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Where standard output goes instead of to `output()`. */
  readonly stdout?: number;
}

/** `taskset` becomes the command that it starts, so the pid is the command's own. */
function spawnPinned(core: number, command: string, args: readonly string[], stdout: number | "pipe", env = {}) {
  const [program, argv] = canPin ? ["taskset", ["-c", String(core), command, ...args]] : [command, args];
  const stdio: StdioOptions = ["ignore", stdout, "pipe"];
  const child = spawn(program, argv, { stdio, env: { ...process.env, ...env } });
  alive.add(child);
  child.once("close", () => alive.delete(child));
  return child;
}

/**
 * The bench itself stays off the proxy's core: it checks answers and opens connections.
 * @throws when the operating system refuses it
 */
export function pinSelf(): void {
  if (!canPin) return;
  const { status, stderr } = spawnSync("taskset", ["-acp", String(LOAD_CORE), String(process.pid)]);
  if (status !== 0) throw new Error(`the bench cannot be pinned to core ${LOAD_CORE}: ${stderr.toString()}`);
}

export function start(core: number, command: string, args: readonly string[], options: StartOptions = {}): Child {
  const child = spawnPinned(core, command, args, options.stdout ?? "pipe", options.env);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-4_000)));
  child.on("error", (error) => (output += error.message));
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
  const timer = setTimeout(() => child.kill("SIGKILL"), 300);
  await exit;
  clearTimeout(timer);
}

export interface Finished {
  readonly output: string;
  /** Its CPU time from start to exit, all threads, microseconds. */
  readonly cpuUs: number;
}

/**
 * Runs a program on the load's core to its end. One at a time: its CPU time is what the kernel adds to this process's
 * reaped children meanwhile.
 * @param timeoutSeconds after which it is killed
 * @throws when it cannot be started, is killed or ends with another code than 0
 */
export async function run(
  command: string,
  args: readonly string[],
  timeoutSeconds: number,
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  const before = reapedCpuUs();
  const child = spawnPinned(LOAD_CORE, command, args, "pipe", env);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutSeconds * 1_000);
  let output = "";
  let errors = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
  // Where it cannot be started, the wait ends with an error.
  const ended = once(child, "close").finally(() => clearTimeout(timer));
  const [code, signal] = (await ended) as [number | null, string | null];
  if (code !== 0) throw new Error(`${command} ended with ${code ?? signal}: ${(errors || output).slice(-600)}`);
  return { output, cpuUs: reapedCpuUs() - before };
}
