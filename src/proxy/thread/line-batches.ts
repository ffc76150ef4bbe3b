/**
 * Lines of one thread on their way to the output: handed over in batches, each as one text, and bounded. While the output
 * takes nothing, lines are counted as lost and not made.
 */
import { LineText } from "../../telemetry/line-text.ts";
import type { LineBatch } from "../../telemetry/log-output.ts";

const BATCH_DELAY_MS = 100;
/** Bytes; what a pipe takes at once (pipe(7)). */
const BATCH_SIZE = 64 * 1024;
/** A batch and its last line. */
const TEXT_SIZE = 96 * 1024;
/** Bytes that wait, here and in the output, before lines are lost: most of a second of 10,000 lines a second. */
export const MOST_WAITING = 4 * 1024 * 1024;

export class LineBatches {
  readonly #post: (batch: LineBatch) => void;
  readonly #onLost: () => void;
  readonly #text = new LineText(TEXT_SIZE);
  #lines = 0;
  #lost = 0;
  /** Sizes of the batches that were posted and not taken yet, oldest first. */
  readonly #posted: number[] = [];
  /** Bytes of these. */
  #waiting = 0;
  #full = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param onLost called for each line that is lost */
  constructor(post: (batch: LineBatch) => void, onLost: () => void) {
    this.#post = post;
    this.#onLost = onLost;
  }

  /** @returns where one line may be written, to be followed by `written`; `undefined` when it is lost, and counted */
  forLine(): LineText | undefined {
    if (!this.#full) return this.#text;
    this.#lost += 1;
    this.#onLost();
    return undefined;
  }

  written(): void {
    this.#lines += 1;
    // Room for a few lines would be a gap every few lines: they go on when half of it is free.
    if (this.#waiting + this.#text.size >= MOST_WAITING) this.#full = true;
    if (this.#text.size >= BATCH_SIZE) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_DELAY_MS);
  }

  /** The output has taken the oldest batch. */
  taken(): void {
    this.#waiting -= this.#posted.shift() ?? 0;
    if (!this.#full || this.#waiting > MOST_WAITING / 2) return;
    this.#full = false;
    if (this.#lost > 0) this.flush();
  }

  /** Posts what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // One number for one gap: while it lasts it is not told.
    const lost = this.#full ? 0 : this.#lost;
    if (this.#lines === 0 && lost === 0) return;
    const { size } = this.#text;
    const batch = { text: this.#text.take(), lines: this.#lines, lost };
    this.#posted.push(size);
    this.#waiting += size;
    this.#lines = 0;
    this.#lost -= lost;
    this.#post(batch);
  }
}
