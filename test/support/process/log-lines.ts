/** The JSON lines of a process, as they come: found later or awaited. */
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export type LogLine = Readonly<Record<string, unknown>>;
export type LogMatch = LogLine | ((line: LogLine) => boolean);

const SHOWN = 30;

export class LogLines {
  readonly lines: LogLine[] = [];
  /** Lines that are not JSON: a sidecar writes none. */
  readonly foreign: string[] = [];
  readonly #waiting = new Set<() => void>();
  #ended = 0;
  readonly #streams: number;

  constructor(streams: readonly Readable[]) {
    this.#streams = streams.length;
    for (const stream of streams) {
      createInterface({ input: stream })
        .on("line", (line) => this.#add(line))
        .on("close", () => {
          this.#ended += 1;
          this.#wake();
        });
    }
  }

  all(match: LogMatch): readonly LogLine[] {
    return this.lines.filter((line) => matches(line, match));
  }

  /**
   * The first matching line, awaited if need be.
   * @param from how many lines to pass over: what was written before it does not count
   */
  async next(match: LogMatch, { from = 0, timeoutMs = 60_000 } = {}): Promise<LogLine> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = this.lines.slice(from).find((line) => matches(line, match));
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0 || this.#ended === this.#streams) {
        assert.fail(
          `no such line: ${typeof match === "function" ? match.toString() : JSON.stringify(match)}\n${this.toString()}`,
        );
      }
      await this.#change(left);
    }
  }

  /** The last lines, for messages of failed tests. */
  toString(): string {
    return [...this.lines.slice(-SHOWN).map((line) => JSON.stringify(line)), ...this.foreign].join("\n");
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
    });
  }

  #add(text: string): void {
    try {
      this.lines.push(JSON.parse(text) as LogLine);
    } catch {
      this.foreign.push(text);
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

function matches(line: LogLine, match: LogMatch): boolean {
  if (typeof match === "function") return match(line);
  return Object.entries(match).every(([key, value]) => line[key] === value);
}
