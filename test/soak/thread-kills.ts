/** Data-plane threads that throw or hang, one after the other, and are replaced. */
import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { TestSidecar } from "../support/process/sidecar.ts";
import type { Tally } from "./tally.ts";

export const KILL_MS = 75_000;
const REPLACED_MS = 90_000;
const LOOK_MS = 250;

const isReplaced = ({ message }: { readonly message?: unknown }): boolean =>
  typeof message === "string" && message.includes("data-plane thread") && message.endsWith("it is replaced");

export class ThreadKills {
  readonly #file: string;
  readonly #sidecar: TestSidecar;
  readonly #tally: Tally;
  #count = 0;

  constructor(file: string, sidecar: TestSidecar, tally: Tally) {
    this.#file = file;
    this.#sidecar = sidecar;
    this.#tally = tally;
  }

  get count(): number {
    return this.#count;
  }

  /** Threads that the sidecar has replaced. */
  get replaced(): number {
    return this.#sidecar.log.all(isReplaced).length;
  }

  async run(threads: number, pause: (ms: number) => Promise<boolean>): Promise<void> {
    while (await pause(KILL_MS)) {
      const kind = this.#count % 2 === 0 ? "throw" : "hang";
      const thread = Math.floor(this.#count / 2) % threads;
      this.#count += 1;
      await this.#tally.disrupt(() => this.#kill(thread, kind));
    }
  }

  async #kill(thread: number, kind: string): Promise<void> {
    const from = this.#sidecar.log.lines.length;
    writeFileSync(this.#file, `${thread} ${kind}`);
    try {
      await this.#sidecar.log.next(isReplaced, { from, timeoutMs: REPLACED_MS });
      const deadline = performance.now() + REPLACED_MS;
      // Before its successor listens there is nothing to be seen of it in /readyz.
      for (await delay(LOOK_MS * 4); !(await this.#isReady()); await delay(LOOK_MS))
        if (performance.now() > deadline) throw new Error("the sidecar is not ready again");
      this.#tally.step(`threads that ${kind}, replaced`);
    } catch (error) {
      this.#tally.fault(`thread ${thread} was told to ${kind}: ${String(error).split("\n", 1)[0]}`);
    }
  }

  async #isReady(): Promise<boolean> {
    const answer = await this.#sidecar.admin("/readyz").catch(() => undefined);
    await answer?.arrayBuffer();
    return answer?.status === 200;
  }
}
