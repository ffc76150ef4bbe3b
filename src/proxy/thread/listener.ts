/** One bound backend port of one thread. */
import { performance } from "node:perf_hooks";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { BackendConfig } from "../../config/config.ts";

/** Connections that the kernel keeps for us while the thread is busy; capped by `net.core.somaxconn`. */
const BACKLOG = 1_024;
/** A gateway that has vanished without a word is noticed by TCP keep-alive after this. */
const KEEP_ALIVE_DELAY_MS = 60_000;
/** A listener that has accepted nothing for this long has an empty queue. */
const QUIET_MS = 50;
/** Longest wait for a queue that never becomes empty. */
const QUIET_LIMIT_MS = 1_000;

export interface ListenerEvents {
  readonly onConnection: (socket: Socket, backend: BackendConfig) => void;
  /** accept() failed, e.g. with EMFILE: the connection is lost, the listener goes on. */
  readonly onAcceptError: (message: string) => void;
}

/** Accepts for one backend; every thread has one, and the kernel spreads connections over them. */
export class Listener {
  readonly backend: BackendConfig;
  readonly #server: Server;
  #acceptedAt = 0;

  private constructor(backend: BackendConfig, events: ListenerEvents) {
    this.backend = backend;
    // Half-open, because a response may follow the caller's end of data.
    const options = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS };
    this.#server = createServer(options, (socket) => {
      this.#acceptedAt = performance.now();
      events.onConnection(socket, backend);
    });
  }

  /** @throws the error of bind or listen, with its `code`. */
  static async bind(backend: BackendConfig, events: ListenerEvents): Promise<Listener> {
    const listener = new Listener(backend, events);
    const server = listener.#server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ ...backend.listen, reusePort: true, ipv6Only: false, backlog: BACKLOG }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    // Without descriptors libuv closes the connection at once, so the error does not repeat in a tight loop.
    server.on("error", (error) => events.onAcceptError(`port ${backend.port}: ${error.message}`));
    return listener;
  }

  /** Accepts what the kernel has queued, then stops listening: closing at once would reset what is in the queue. */
  async drain(): Promise<void> {
    const startedAt = performance.now();
    let now = startedAt;
    while (now - startedAt < QUIET_LIMIT_MS) {
      await delay(QUIET_MS);
      now = performance.now();
      if (now - this.#acceptedAt >= QUIET_MS) break;
    }
    this.close();
  }

  /** Stops listening; accepted connections live on. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}
