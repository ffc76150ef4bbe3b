/** The test's end of a caller in a namespace. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Ask, Calls, LoadReport, Told } from "./caller.ts";
import type { Place } from "./network.ts";

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: string;
}

export type AskOutcome = Told | { readonly error: string };

export class Caller implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #calls = 0;

  constructor(place: Place) {
    this.#child = place.spawn(process.execPath, [join(import.meta.dirname, "caller.ts")], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (reply: Reply) => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    this.#child.on("exit", (code) => {
      for (const [id, settle] of this.#waiting) settle({ id, failure: `the caller ended with ${String(code)}` });
    });
  }

  ask(ask: Ask): Promise<AskOutcome> {
    return this.#call("ask", ask);
  }

  /** One word or number for how it went: the status, or the code of the error. */
  async outcome(ask: Ask): Promise<number | string> {
    const told = await this.ask(ask);
    return "error" in told ? told.error : told.status;
  }

  echo(ask: Ask, text: string): Promise<string> {
    return this.#call("echo", ask, text);
  }

  hold(ask: Ask): Promise<number> {
    return this.#call("hold", ask);
  }

  held(): Promise<{ readonly end: string; readonly afterMs: number }> {
    return this.#call("held");
  }

  startLoad(ask: Ask, perSecond: number): Promise<void> {
    return this.#call("startLoad", ask, perSecond);
  }

  stopLoad(): Promise<LoadReport> {
    return this.#call("stopLoad");
  }

  async #call<Name extends keyof Calls>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<Awaited<ReturnType<Calls[Name]>>> {
    this.#calls += 1;
    const id = this.#calls;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, name, args });
    });
    if (reply.failure !== undefined) throw new Error(`${name}: ${reply.failure}`);
    return reply.value as Awaited<ReturnType<Calls[Name]>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
