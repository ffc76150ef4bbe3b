/** One HTTP/2 connection to an application, and how many streams it may still take. */
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { Limits } from "../../../config/config.ts";
import { SESSION_LIMITS } from "../http2-limits.ts";

/** Streams of one connection; above it another one is opened. Servers commonly allow a hundred. */
export const STREAMS_PER_SESSION = 100;
const WINDOW_BYTES = 1_048_576;

/** One connection to the application. */
export class UpstreamSession {
  readonly #session: ClientHttp2Session;
  /** Why it ended, for the streams that ended with it. */
  error: Error | undefined;
  #streams = 0;
  #closing = false;

  constructor(origin: string, limits: Limits, onClose: () => void) {
    this.#session = connect(origin, {
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES, maxHeaderListSize: limits.maxHeaderBytes },
      ...SESSION_LIMITS,
    });
    const connecting = setTimeout(
      () => this.#session.destroy(Object.assign(new Error("no connection in time"), { code: "ETIMEDOUT" })),
      limits.connectTimeoutMs,
    );
    this.#session.once("connect", () => {
      clearTimeout(connecting);
      this.#session.setLocalWindowSize(WINDOW_BYTES * 4);
    });
    this.#session.on("error", (error) => (this.error ??= error));
    this.#session.on("goaway", () => this.#retire());
    this.#session.setTimeout(limits.upstreamKeepAliveMs, () => {
      if (this.#streams === 0) this.end();
    });
    this.#session.once("close", () => {
      clearTimeout(connecting);
      this.#closing = true;
      onClose();
    });
  }

  get hasRoom(): boolean {
    const allowed = this.#session.connecting
      ? STREAMS_PER_SESSION
      : Math.min(STREAMS_PER_SESSION, this.#session.remoteSettings.maxConcurrentStreams ?? STREAMS_PER_SESSION);
    return !this.#closing && !this.#session.closed && !this.#session.destroyed && this.#streams < allowed;
  }

  /** @throws when the session has just ended */
  open(headers: readonly string[], endStream: boolean): ClientHttp2Stream {
    const stream = this.#session.request(headers, { endStream });
    this.#streams += 1;
    stream.once("close", () => (this.#streams -= 1));
    return stream;
  }

  end(): void {
    this.#retire();
    this.#session.close();
  }

  #retire(): void {
    this.#closing = true;
  }
}
