/** Work on many connections, in slices between which the thread serves. */
import { performance } from "node:perf_hooks";
import { contain, faultIn } from "../forward/boundary.ts";

/** Longest time that one slice keeps the thread from serving; what its work leaves to be closed comes on top. */
const SLICE_MS = 0.5;

/** The passes of one thread over its connections. */
export class Slices {
  readonly #problem: (fault: Error) => void;
  #passes = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param problem gets what a later slice throws, after which the rest of its pass is left; and what waiting work throws */
  constructor(problem: (fault: Error) => void) {
    this.#problem = problem;
  }

  /**
   * Takes one item after the other. The first slice is over on return; what it throws, is thrown.
   * @param goesOn asked before every other slice: false ends it
   */
  run<Item>(items: IterableIterator<Item>, work: (item: Item) => void, goesOn: () => boolean = () => true): void {
    this.#passes += 1;
    let isOver = true;
    try {
      isOver = this.#slice(items, work, goesOn);
    } finally {
      if (isOver) this.#over();
    }
  }

  /** Runs the work at once when no pass is under way, else when the last of them is over: a pass is never delayed by it. */
  afterwards(work: () => void): void {
    if (this.#passes === 0) work();
    else this.#waiting.push(work);
  }

  /** @returns whether the pass is over; if not, another slice of it is scheduled */
  #slice<Item>(items: IterableIterator<Item>, work: (item: Item) => void, goesOn: () => boolean): boolean {
    const until = performance.now() + SLICE_MS;
    for (let next = items.next(); next.done !== true; next = items.next()) {
      work(next.value);
      if (performance.now() < until) continue;
      const failed = (fault: Error): void => {
        this.#problem(fault);
        this.#over();
      };
      const more = contain("thread slices", failed, () => {
        if (!goesOn() || this.#slice(items, work, goesOn)) this.#over();
      });
      setImmediate(more);
      return false;
    }
    return true;
  }

  /** Must not throw: its caller would count the same pass down again. */
  #over(): void {
    this.#passes -= 1;
    if (this.#passes > 0 || this.#waiting.length === 0) return;
    this.run(this.#waiting.splice(0).values(), (work) => this.#do(work));
  }

  /** One that throws keeps none of the others from being done. */
  #do(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#problem(faultIn("thread slices", thrown));
    }
  }
}
