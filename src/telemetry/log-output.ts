/**
 * Where all lines of the process go: those of the control side one by one, those of the threads in batches. A reader that
 * does not take them costs lines, never memory and never the time of the process.
 */

/** Characters of the control side's own lines that may wait. The batches of a thread are bounded where they are made. */
const MOST_WAITING = 1024 * 1024;
/** Least time between two lines that say how many were lost. */
const REPORT_MS = 1_000;

/**
 * Takes text that ends with a line's end; never waits, and keeps the order.
 * @param done called once, when the text is out or, with an error, lost
 */
export type WriteText = (text: string, done: (error?: Error | null) => void) => void;

/** Lines of a thread, each with its newline. */
export interface LineBatch {
  readonly text: string;
  readonly lines: number;
  /** Lines that were lost before these. */
  readonly lost: number;
}

/** One writer for one output, so that no line stands inside another. */
export class LogOutput {
  readonly #write: WriteText;
  readonly #onLost: (lines: number) => void;
  #waiting = 0;
  #ownWaiting = 0;
  #lost = 0;
  #unreported = 0;
  /** Something came out since lines were lost. */
  #flowing = false;
  /** The last write failed. */
  #broken = false;
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void) | undefined;

  /** @param onLost is to write a line that says so; called when the output takes lines again, once a second at most */
  constructor(write: WriteText, onLost: (lines: number) => void) {
    this.#write = write;
    this.#onLost = onLost;
  }

  /** Lines of the control side, and batches that were handed over, that did not come out. */
  get lost(): number {
    return this.#lost;
  }

  /** @param line with its newline */
  line(line: string): void {
    if (this.#ownWaiting + line.length > MOST_WAITING) {
      this.#lose(1);
      return;
    }
    this.#ownWaiting += line.length;
    this.#send(line, 1, () => {
      this.#ownWaiting -= line.length;
    });
  }

  /** @param taken called when its text is out or given up: what made it may make more */
  batch({ text, lines, lost }: LineBatch, taken: () => void): void {
    if (lost > 0) this.#report(lost);
    if (text === "") taken();
    else this.#send(text, lines, taken);
  }

  /** Waits until everything is out, `withinMs` at most: a reader that has stopped must not hold up the end of the process. */
  async written(withinMs: number): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#unreported > 0) this.#sayLost();
    if (this.#waiting === 0) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, withinMs);
      this.#idle = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  #send(text: string, lines: number, done: () => void): void {
    this.#waiting += 1;
    this.#write(text, (error) => {
      this.#waiting -= 1;
      this.#broken = error !== undefined && error !== null;
      if (this.#broken) this.#lose(lines);
      else this.#flowing = true;
      done();
      if (this.#waiting === 0) this.#idle?.();
    });
  }

  #lose(lines: number): void {
    this.#lost += lines;
    this.#report(lines);
  }

  #report(lines: number): void {
    if (this.#unreported === 0) this.#flowing = false;
    this.#unreported += lines;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // While nothing comes out the count goes on: the line would be one more that waits or is lost.
      if (!this.#broken && (this.#flowing || this.#waiting === 0)) this.#sayLost();
      else this.#report(0);
    }, REPORT_MS).unref();
  }

  #sayLost(): void {
    const lines = this.#unreported;
    this.#unreported = 0;
    this.#onLost(lines);
  }
}
