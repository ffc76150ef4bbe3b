/** A process of the bench that is given orders and answers each of them. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";

interface Answer {
  readonly id: number;
  readonly failure?: string;
}

export class OrderProcess<Order, Reply extends Answer> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { readonly resolve: (reply: Reply) => void; readonly reject: (why: Error) => void }
  >();
  #orders = 0;
  /** Why nothing is answered after it. */
  #ended: Error | undefined;

  /** @param script path of the program */
  constructor(script: string) {
    this.#child = fork(script, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (reply: Reply) => this.#answered(reply));
    this.#child.once("exit", (code, signal) =>
      this.#end(new Error(`${basename(script)} has ended with ${code ?? signal}`)),
    );
    this.#child.on("error", (error) => this.#end(error));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws when the process failed to do it, or has ended */
  ask(order: Order): Promise<Reply> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#orders += 1;
    const id = this.#orders;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, order }, (error) => {
        if (error === null) return;
        this.#waiting.delete(id);
        reject(error);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  #end(why: Error): void {
    this.#ended = why;
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }

  #answered(reply: Reply): void {
    const asked = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.failure === undefined) asked?.resolve(reply);
    else asked?.reject(new Error(reply.failure));
  }
}
