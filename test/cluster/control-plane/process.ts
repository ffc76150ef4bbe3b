/** One process of the control plane: its output is kept for the failure report, and it is ended by its own id. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

const KEPT_OUTPUT = 8_000;

export class ControlPlaneProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  #output = "";

  constructor(name: string, file: string, args: readonly string[]) {
    this.#name = name;
    this.#child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream
        ?.setEncoding("utf8")
        .on("data", (text: string) => (this.#output = (this.#output + text).slice(-KEPT_OUTPUT)));
  }

  /** The last of what it wrote. */
  get output(): string {
    return this.#output;
  }

  /** @throws with the process's last words, when it dies or stays silent */
  async ready(probe: () => Promise<boolean>, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      if (await probe().catch(() => false)) return;
      if (this.#child.exitCode !== null || performance.now() > deadline)
        throw new Error(`${this.#name} did not get ready: ${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stopped, it keeps its connections open and answers nothing: half-open to everybody. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** KILL is what a crash looks like from outside. */
  async end(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }
}
