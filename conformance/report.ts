/** What became of the cases, as lines for people, and their sum. */
import { isOnLoopback } from "./callers.ts";
import type { Connection, DecisionCase } from "./cases.ts";

export class Report {
  readonly #chosen: number;
  readonly #print: (line: string) => void;
  #passed = 0;
  #differ = 0;
  #failed = 0;
  #skipped = 0;
  /** Connections of played cases. */
  #untried = 0;
  #stopped = false;

  /** @param chosen how many cases there are */
  constructor(chosen: number, print: (line: string) => void) {
    this.#chosen = chosen;
    this.#print = print;
  }

  /** @param differing connections that got what OSM was seen to give them, instead of what is expected */
  played(row: DecisionCase, differing: readonly Connection[]): void {
    const untried = this.#untriedOf(row);
    if (differing.length === 0) {
      this.#passed += 1;
      this.#line("passed", row, untried);
      return;
    }
    this.#differ += 1;
    const lines = differing.map(
      ({ expected, observed, ...caller }) =>
        `${JSON.stringify(caller)}: got ${observed} as from OSM, expected ${expected.verdict}`,
    );
    this.#line("differs", row, [...lines, ...differenceOf(row), ...untried]);
  }

  failed(row: DecisionCase, problem: string): void {
    this.#failed += 1;
    this.#line("failed", row, [problem, ...differenceOf(row), ...this.#untriedOf(row)]);
  }

  skipped(row: DecisionCase, obstacle: string): void {
    this.#skipped += 1;
    this.#line("skipped", row, [obstacle]);
  }

  stopped(cause: string): void {
    this.#stopped = true;
    this.#print(`stopped: ${cause}`);
  }

  /** @returns the exit code */
  sum(): number {
    const counts = [`${this.#passed} passed`, `${this.#differ} differ`, `${this.#failed} failed`];
    const unplayed = this.#chosen - this.#passed - this.#differ - this.#failed - this.#skipped;
    if (unplayed > 0) counts.push(`${unplayed} not played`);
    this.#print(`${counts.join(", ")}, ${this.#skipped} skipped`);
    if (this.#untried > 0) this.#print(`connections of played cases that were not tried: ${this.#untried}`);
    if (this.#failed > 0 || this.#stopped) return 1;
    if (this.#skipped < this.#chosen) return 0;
    this.#print("nothing was tried");
    return 2;
  }

  #untriedOf({ connections }: DecisionCase): readonly string[] {
    const untried = connections.filter((connection) => !isOnLoopback(connection));
    this.#untried += untried.length;
    if (untried.length === 0) return [];
    const from = untried.map((connection) => connection.from).join(", ");
    return [`not tried, ${untried.length} of ${connections.length} connections: loopback has no address for ${from}`];
  }

  #line(outcome: string, { id, about }: DecisionCase, details: readonly string[]): void {
    const detail = details.map((text) => `\n${text.replaceAll(/^/gm, "              ")}`);
    this.#print(`${outcome.padEnd(8)}${id.padEnd(6)}${about}${detail.join("")}`);
  }
}

function differenceOf({ difference }: DecisionCase): readonly string[] {
  return difference === undefined ? [] : [`difference: ${difference}`];
}
