/** Everybody who calls: connections that rest, those that lose their right, and the steady load that should not notice. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { OrderProcess } from "../machine/order-process.ts";
import { cpuOf } from "../machine/processor-time.ts";
import type { CallersAnswer, CallersOrder } from "./callers.ts";
import type { Change } from "./changes.ts";
import { QUIET_MS, roundOf, type Round } from "./figures.ts";
import type { Bearer } from "./mesh.ts";
import type { SteadyAnswer, SteadyOrder } from "./steady.ts";

const CALLER_PROCESSES = 2;
export const STEADY_CONNECTIONS = 100;
/** Requests a second. */
export const RATE = 500;
export const SETTLE_MS = 3_000;
/** After the change, before the samples of the load are taken. */
const AFTER_MS = 1_500;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const script = (name: string): string => join(import.meta.dirname, name);

export class Load implements AsyncDisposable {
  readonly #port: number;
  readonly #pid: number;
  readonly #callers = Array.from(
    { length: CALLER_PROCESSES },
    () => new OrderProcess<CallersOrder["order"], CallersAnswer>(script("callers.ts")),
  );
  readonly #steady = new OrderProcess<SteadyOrder["order"], SteadyAnswer>(script("steady.ts"));

  /**
   * @param port that is called
   * @param pid of who listens there
   */
  constructor(port: number, pid: number) {
    this.#port = port;
    this.#pid = pid;
  }

  /** Settles when all of them are admitted. */
  async open(bearer: Bearer, count: number): Promise<void> {
    const share = (index: number): number =>
      Math.floor(count / CALLER_PROCESSES) + (index < count % CALLER_PROCESSES ? 1 : 0);
    await this.#all((index) => ({ kind: "open", bearer, port: this.#port, count: share(index) }));
  }

  async startSteady(bearer: Bearer): Promise<void> {
    await this.#steady.ask({ kind: "start", bearer, port: this.#port, connections: STEADY_CONNECTIONS, rate: RATE });
  }

  /** One change, made once. @param violating connections that lose their right by it */
  async round(change: Change, violating: number): Promise<Round> {
    const bearer = await change.give();
    await this.open(bearer, violating);
    const wrongBefore = (await this.#wrongCloses()) + ((await this.#steady.ask({ kind: "take" })).wrong ?? 0);
    await delay(QUIET_MS + SETTLE_MS);
    const ended = this.#all(() => ({ kind: "await-end", bearer: bearer.name }));
    const changedAt = await change.take(bearer);
    const cpuUs = cpuOf(this.#pid);
    const ends = (await ended).flatMap((answer) => answer.ends ?? []);
    const cpuMs = (cpuOf(this.#pid) - cpuUs) / 1_000;
    await delay(AFTER_MS);
    const taken = await this.#steady.ask({ kind: "take" });
    const wrong = (await this.#wrongCloses()) + (taken.wrong ?? 0) - wrongBefore;
    return roundOf(change.title, changedAt, { ends, answered: taken.answered ?? [], wrong, cpuMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#steady[Symbol.asyncDispose]();
    for (const process of this.#callers) await process[Symbol.asyncDispose]();
  }

  async #wrongCloses(): Promise<number> {
    return sum((await this.#all(() => ({ kind: "wrong-closes" }))).map(({ wrong = 0 }) => wrong));
  }

  #all(order: (index: number) => CallersOrder["order"]): Promise<readonly CallersAnswer[]> {
    return Promise.all(this.#callers.map((process, index) => process.ask(order(index))));
  }
}
