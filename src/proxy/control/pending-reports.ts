/** Questions to one thread that it has not answered yet. None is waited for beyond its time. */
import type { ReportKind, ThreadEvent } from "../messages.ts";

export type Report = Extract<ThreadEvent, { readonly kind: ReportKind }>;

export class PendingReports {
  readonly #waiting = new Map<number, (report: Report | undefined) => void>();
  #next = 1;

  /**
   * @param send puts the question, under this number
   * @returns `undefined` when the thread is lost, or has not answered in time
   */
  ask(patienceMs: number, send: (id: number) => void): Promise<Report | undefined> {
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#waiting.delete(id);
        resolve(undefined);
      }, patienceMs);
      this.#waiting.set(id, (report) => {
        clearTimeout(late);
        resolve(report);
      });
      send(id);
    });
  }

  settle(report: Report): void {
    this.#waiting.get(report.id)?.(report);
    this.#waiting.delete(report.id);
  }

  /** Nobody waits for the responses of a lost thread. */
  release(): void {
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}
