/**
 * Closes the connections of a worker that does not come back to its event loop, before it is terminated.
 *
 * A terminated worker reads its sockets once more, without JavaScript. HTTP/2 requests with a body that wait there end the whole
 * process (Node 24 and 26, `Assertion failed: onread->IsFunction()`; nodejs/node#38418): the streams that they open are nobody's.
 * Only a debugger reaches code that runs without an end, so this is one, for a moment; no port is opened.
 */
import type { Session } from "node:inspector";
import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { CLOSE_CONNECTIONS } from "../messages.ts";

/**
 * A tenth of a second on a machine at rest, and seconds on one where everything waits for the processor. Inside of a native call a
 * worker cannot be interrupted.
 */
const PATIENCE_MS = 10_000;
const RESUME_MS = 2_000;
/** One for each script that the worker has loaded. */
const OF_NO_INTEREST = '{"method":"Debugger.scriptParsed"';

/** Never rejects; what cannot be closed is left to the termination. */
export async function closeConnections(worker: Worker): Promise<void> {
  try {
    const { Session: InspectorSession } = await import("node:inspector");
    const session = new InspectorSession();
    session.connect();
    try {
      await closeIn(worker, session);
    } finally {
      session.post("NodeWorker.disable", () => session.disconnect());
    }
  } catch {
    // The worker has ended meanwhile, or this process has no inspector.
  }
}

async function closeIn(worker: Worker, session: Session): Promise<void> {
  const ended = new Promise<undefined>((resolve) => worker.once("exit", () => resolve(undefined)));
  const given = Promise.race([ended, delay(PATIENCE_MS, undefined, { ref: false })]);
  const debugged = await Promise.race([attach(session, worker.threadId), given]);
  if (debugged === undefined) return;
  await Promise.race([interrupt(debugged), given]);
  // A worker that is left paused never ends.
  await Promise.race([debugged.ask("Debugger.disable"), ended, delay(RESUME_MS, undefined, { ref: false })]);
}

async function interrupt(worker: DebuggedWorker): Promise<void> {
  const paused = worker.once("Debugger.paused");
  for (const method of ["Runtime.enable", "Debugger.enable", "Debugger.pause"]) await worker.ask(method);
  await paused;
  await worker.ask("Runtime.evaluate", { expression: `${CLOSE_CONNECTIONS}()` });
}

interface AttachedToWorker {
  readonly params: { readonly sessionId: string; readonly workerInfo: { readonly title: string } };
}

/** Attaches to all workers, for there is no other way; those that are not meant are asked nothing. */
async function attach(session: Session, threadId: number): Promise<DebuggedWorker> {
  const found = new Promise<DebuggedWorker>((resolve) => {
    session.on("NodeWorker.attachedToWorker", ({ params: { sessionId, workerInfo } }: AttachedToWorker) => {
      if (workerInfo.title.startsWith(`[worker ${threadId}]`)) resolve(new DebuggedWorker(session, sessionId));
    });
  });
  session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  return found;
}

interface MessageFromWorker {
  readonly params: { readonly sessionId: string; readonly message: string };
}

/** The protocol of one worker, which travels as text in that of the session. */
class DebuggedWorker {
  readonly #session: Session;
  readonly #sessionId: string;
  readonly #answers = new Map<number, () => void>();
  readonly #events = new Map<string, () => void>();
  #id = 0;

  constructor(session: Session, sessionId: string) {
    this.#session = session;
    this.#sessionId = sessionId;
    session.on("NodeWorker.receivedMessageFromWorker", ({ params }: MessageFromWorker) => {
      if (params.sessionId !== sessionId || params.message.startsWith(OF_NO_INTEREST)) return;
      this.#received(JSON.parse(params.message) as { readonly id?: number; readonly method?: string });
    });
  }

  /** Resolves with the answer, whatever it is. */
  ask(method: string, params: object = {}): Promise<void> {
    this.#id += 1;
    const id = this.#id;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      const message = JSON.stringify({ id, method, params });
      this.#session.post("NodeWorker.sendMessageToWorker", { sessionId: this.#sessionId, message });
    });
  }

  once(method: string): Promise<void> {
    return new Promise((resolve) => this.#events.set(method, resolve));
  }

  #received({ id, method }: { readonly id?: number; readonly method?: string }): void {
    if (id !== undefined) this.#answers.get(id)?.();
    if (method !== undefined) this.#events.get(method)?.();
  }
}
