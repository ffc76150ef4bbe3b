/** A child that is told to end, and is waited for: nothing of it is left when its report goes on, or ends. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Between the request to end and the end that cannot be refused. */
const GRACE_MS = 5_000;

/** @returns its exit code, or the signal that ended it */
export async function endOf(child: ChildProcess, stop: AbortSignal): Promise<number | string> {
  const exit = once(child, "exit") as Promise<[number | null, string | null]>;
  let last: NodeJS.Timeout | undefined;
  const ask = (): void => {
    child.kill("SIGTERM");
    last = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  };
  if (stop.aborted) ask();
  else stop.addEventListener("abort", ask, { once: true });
  try {
    const [code, signal] = await exit;
    return code ?? signal ?? "no code";
  } finally {
    stop.removeEventListener("abort", ask);
    clearTimeout(last);
  }
}
