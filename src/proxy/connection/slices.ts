/** Work on many connections, in slices between which the thread serves. */
import { performance } from "node:perf_hooks";
import { contain } from "../forward/boundary.ts";

/** Longest time that one slice keeps the thread from serving; what its work leaves to be closed comes on top. */
const SLICE_MS = 0.5;

/** The passes of one thread over its connections. */
export class Slices {
  readonly #problem: (fault: Error) => void;
  #passes = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param problem gets what a later slice throws, after which the rest of its pass is left */
  constructor(problem: (fault: Error) => void) {
    this.#problem = problem;
  }

  /**
   * Takes one item after the other. The first slice is over on return; what it throws, is thrown.
   * @param goesOn asked before every other slice: false ends it
   */
  run<Item>(items: IterableIterator<Item>, work: (item: Item) => void, goesOn: () => boolean = () => true): void {
    this.#passes += 1;
    try {
      this.#slice(items, work, goesOn);
    } catch (thrown) {
      this.#over();
      throw thrown;
    }
  }

  /** At once when no pass is under way, else behind all of them: what holds up nobody waits for what somebody waits for. */
  afterwards(work: () => void): void {
    if (this.#passes === 0) work();
    else this.#waiting.push(work);
  }

  #slice<Item>(items: IterableIterator<Item>, work: (item: Item) => void, goesOn: () => boolean): void {
    const until = performance.now() + SLICE_MS;
    for (let next = items.next(); next.done !== true; next = items.next()) {
      work(next.value);
      if (performance.now() < until) continue;
      const failed = (fault: Error): void => {
        this.#over();
        this.#problem(fault);
      };
      const more = contain("thread slices", failed, () => {
        if (goesOn()) this.#slice(items, work, goesOn);
        else this.#over();
      });
      setImmediate(more);
      return;
    }
    this.#over();
  }

  #over(): void {
    this.#passes -= 1;
    if (this.#passes > 0 || this.#waiting.length === 0) return;
    this.run(this.#waiting.splice(0).values(), (work) => work());
  }
}
