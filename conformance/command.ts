/**
 * A command under trial. It has a process group of its own: what it starts ends with it, and a terminal's interrupt reaches
 * the kit alone, which ends both in order.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { CannotTry } from "./cannot-try.ts";

const KEPT_LINES = 10;
/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 5000;
const LOOK_EVERY_MS = 20;

export class Command implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #said = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = new Promise((resolve) => child.once("close", resolve));
    child.stderr?.on("data", (chunk: Buffer) => {
      process.stderr.write(chunk);
      this.#said = `${this.#said}${chunk.toString()}`
        .split("\n")
        .slice(-KEPT_LINES - 1)
        .join("\n");
    });
  }

  /** @throws CannotTry when there is no such program */
  static async start(
    [file, ...args]: readonly [string, ...string[]],
    env: Readonly<Record<string, string>>,
  ): Promise<Command> {
    const child = spawn(file, args, {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
      env: { ...process.env, ...env },
    });
    const command = new Command(child);
    try {
      await once(child, "spawn");
    } catch (error) {
      throw new CannotTry(`${file} cannot be started: ${(error as Error).message}`, { cause: error });
    }
    return command;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * How it ended, with the last that it said; `undefined` while it runs.
   *
   * @param withinMs an end shows in its connections first
   */
  async end(withinMs: number): Promise<string | undefined> {
    await Promise.race([this.#closed, delay(withinMs, undefined, { ref: false })]);
    if (!this.hasEnded) return undefined;
    const { exitCode, signalCode } = this.#child;
    const how = `the implementation has ended ${signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`}`;
    const said = this.#said.trimEnd();
    return said === "" ? `${how}, with nothing on its stderr` : `${how}; the last of its stderr:\n${said}`;
  }

  /** Ends it, and all of its group: by SIGTERM, after a while by SIGKILL. */
  async [Symbol.asyncDispose](): Promise<void> {
    const deadline = performance.now() + GRACE_MS;
    for (let there = this.#signal("SIGTERM"); there && performance.now() < deadline; there = this.#signal(0))
      await delay(LOOK_EVERY_MS);
    this.#signal("SIGKILL");
    // What has left the group may hold the pipe.
    this.#child.stderr?.destroy();
    if (!this.hasEnded) await once(this.#child, "exit");
  }

  /** @returns whether somebody of its group is there */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.#child;
    if (pid === undefined) return false;
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }
}
