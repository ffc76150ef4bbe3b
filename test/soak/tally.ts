/** What a long run has counted: steps, faults with their times, and what it broke itself. */
import { AssertionError } from "node:assert/strict";

export interface Fault {
  count: number;
  readonly first: string;
  last: string;
}

/** Steps that began so long after the end of a disruption may still find a connection that it has broken. */
const TAIL_MS = 2_000;

export class Tally {
  readonly steps = new Map<string, number>();
  readonly faults = new Map<string, Fault>();
  /** Steps that broke because the thread under them was killed. */
  readonly broken = new Map<string, number>();
  #disrupted = false;
  #disruptedUntil = -Infinity;

  step(name: string): void {
    this.steps.set(name, (this.steps.get(name) ?? 0) + 1);
  }

  fault(what: string): void {
    const last = new Date().toISOString();
    const known = this.faults.get(what);
    if (known === undefined) this.faults.set(what, { count: 1, first: last, last });
    else Object.assign(known, { count: known.count + 1, last });
    console.log(`${last} FAULT ${what}`);
  }

  /**
   * A step failed. That its connection was lost is no fault where a thread was killed meanwhile; a wrong response always is.
   * @param begun of the step, by `performance.now()`
   */
  failed(name: string, error: unknown, begun: number): void {
    if (!(error instanceof AssertionError) && this.disruptedSince(begun))
      this.broken.set(name, (this.broken.get(name) ?? 0) + 1);
    else this.fault(`${name}: ${wordsOf(error)}`);
  }

  disruptedSince(begun: number): boolean {
    return this.#disrupted || begun <= this.#disruptedUntil + TAIL_MS;
  }

  /** Connections may be lost until `work` is done. */
  async disrupt(work: () => Promise<void>): Promise<void> {
    this.#disrupted = true;
    try {
      await work();
    } finally {
      this.#disrupted = false;
      this.#disruptedUntil = performance.now();
    }
  }

  get total(): number {
    return [...this.steps.values()].reduce((sum, value) => sum + value, 0);
  }
}

export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || error instanceof AssertionError ? error.message : `${code} ${error.message}`;
}
