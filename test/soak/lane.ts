/** What one caller of a long run does over and over. */

/** Longer than any step takes on a busy machine. */
const STEP_LIMIT_MS = 45_000;
/** A connection is kept for half of this at least; its certificate's CA must outlive it. */
export const KEPT_MS = 60_000;

export interface Lane extends AsyncDisposable {
  readonly name: string;
  /** Pause between two steps, in milliseconds. */
  readonly pauseMs: number;
  /** Resolves, or rejects with what was wrong; then the next one begins anew. */
  readonly step: () => Promise<void>;
}

export type Step = () => Promise<void>;

/** Prepared once, again after some time, and after every failure. */
export function lane(name: string, pauseMs: number, prepare: (state: AsyncDisposableStack) => Promise<Step>): Lane {
  let state = new AsyncDisposableStack();
  let step: Step | undefined;
  let renewAt = 0;
  return {
    name,
    pauseMs,
    step: async () => {
      try {
        if (step === undefined || performance.now() >= renewAt) {
          await state.disposeAsync();
          state = new AsyncDisposableStack();
          step = await within(prepare(state));
          renewAt = performance.now() + (KEPT_MS * (1 + Math.random())) / 2;
        }
        await within(step());
      } catch (error) {
        step = undefined;
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => state.disposeAsync(),
  };
}

/** Without anything that is kept from step to step. */
export const single = (name: string, pauseMs: number, step: Step): Lane =>
  lane(name, pauseMs, () => Promise.resolve(step));

async function within<Value>(work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${STEP_LIMIT_MS / 1_000} s`)), STEP_LIMIT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
