/** What the threads say when they are asked, and which of them did not say it in time: one that hangs must hold up nobody. */

/** How long a thread may take; one that hangs is lost only after seconds. Milliseconds. */
export const ANSWER_MS = 1_000;

export interface Answers<Told> {
  readonly told: Told;
  /** Threads that did not answer in time: what they know is missing, or as of their last heartbeat. */
  readonly silent: readonly number[];
}

export async function unite<Part, Told>(
  asked: readonly Promise<Answers<Part>>[],
  combine: (parts: readonly Part[]) => Told,
): Promise<Answers<Told>> {
  const answers = await Promise.all(asked);
  const silent = new Set(answers.flatMap((answer) => answer.silent));
  return { told: combine(answers.map(({ told }) => told)), silent: [...silent] };
}
