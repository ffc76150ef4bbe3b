/** One HTTP/2 connection to an application, and how many streams it may still take. */
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { performance } from "node:perf_hooks";
import type { Limits } from "../../../config/config.ts";
import { contain, faultIn } from "../../forward/boundary.ts";
import { SESSION_LIMITS } from "../http2-limits.ts";
import { UpstreamError } from "./failure.ts";

/** Streams of one connection; above it another one is opened. Servers commonly allow a hundred. */
export const STREAMS_PER_SESSION = 100;
const STREAM_WINDOW_BYTES = 1_048_576;
const SESSION_WINDOW_BYTES = 4 * STREAM_WINDOW_BYTES;

export interface SessionOwner {
  /** It may be able to take one more stream. */
  roomMade(): void;
  /** It is over, and so are the requests that it carried. May come twice. */
  closed(session: UpstreamSession): void;
}

/** What a session needs of a request that is a stream of it. */
export interface StreamRequest {
  /** Called every now and then with the monotonic clock. */
  enforceLimits(nowMs: number): void;
  /** Ends the request. Must not throw. */
  fault(fault: Error): void;
}

export class UpstreamSession {
  readonly #session: ClientHttp2Session;
  readonly #owner: SessionOwner;
  readonly #keepAliveMs: number;
  readonly #connecting: NodeJS.Timeout;
  readonly #requests = new Set<StreamRequest>();
  /** As the application's SETTINGS say: not one before they have come. */
  #allowed = 0;
  #spoke = false;
  #ready = false;
  #retired = false;
  /** Of a GOAWAY: what lies above was not processed (RFC 9113 section 6.8). */
  #lastStreamId = Infinity;
  #idleSinceMs = performance.now();
  #error: Error | undefined;

  constructor(origin: string, limits: Limits, owner: SessionOwner) {
    this.#owner = owner;
    this.#keepAliveMs = limits.upstreamKeepAliveMs;
    this.#session = connect(origin, {
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxHeaderListSize: limits.maxHeaderBytes },
      ...SESSION_LIMITS,
    });
    this.#connecting = setTimeout(
      contain("h2c connect-timeout", this.#lose, () =>
        this.#lose(new UpstreamError("CONNECT_TIMEOUT", "no connection with SETTINGS in time")),
      ),
      limits.connectTimeoutMs,
    );
    this.#listen();
  }

  /** The application has said how many streams it takes. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Its SETTINGS have come, with which an application that speaks HTTP/2 begins (RFC 9113 section 3.4). */
  get spoke(): boolean {
    return this.#spoke;
  }

  /** Nothing new is sent on it. */
  get retired(): boolean {
    return this.#retired || this.#session.closed || this.#session.destroyed;
  }

  get hasRoom(): boolean {
    return !this.retired && this.#requests.size < this.#allowed;
  }

  /** Streams that the application allows at once, as far as they are used. */
  get allowed(): number {
    return this.#allowed;
  }

  /** Why it ended, for the streams that ended with it. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** The application has said that it did nothing with this stream, and never will. */
  leftUnprocessed(id: number | undefined): boolean {
    return id !== undefined && id > this.#lastStreamId;
  }

  /**
   * @param endStream no body follows
   * @throws when the session has just ended
   */
  open(request: StreamRequest, headers: readonly string[], endStream: boolean): ClientHttp2Stream {
    const stream = this.#session.request(headers, { endStream, waitForTrailers: !endStream });
    this.#requests.add(request);
    return stream;
  }

  /** The stream of this request is closed. */
  over(request: StreamRequest): void {
    if (!this.#requests.delete(request)) return;
    if (this.#requests.size === 0) this.#idleSinceMs = performance.now();
    this.#owner.roomMade();
  }

  /** Takes nothing new, and closes when its streams are over. */
  end(): void {
    this.#retired = true;
    this.#session.close();
  }

  enforceLimits(nowMs: number): void {
    for (const request of this.#requests) {
      try {
        request.enforceLimits(nowMs);
      } catch (thrown) {
        request.fault(faultIn("h2c limits", thrown));
      }
    }
    if (this.#ready && this.#requests.size === 0 && nowMs - this.#idleSinceMs >= this.#keepAliveMs) this.end();
  }

  #listen(): void {
    const session = this.#session;
    const onSettings = (): void => {
      this.#spoke = true;
      const allowed = session.remoteSettings.maxConcurrentStreams ?? STREAMS_PER_SESSION;
      this.#allowed = Math.min(STREAMS_PER_SESSION, allowed);
      if (this.#allowed === 0) return;
      if (!this.#ready) {
        this.#ready = true;
        clearTimeout(this.#connecting);
        session.setLocalWindowSize(SESSION_WINDOW_BYTES);
      }
      this.#owner.roomMade();
    };
    const onGoaway = (_code: number, lastStreamId: number): void => {
      this.#retired = true;
      this.#lastStreamId = Math.min(this.#lastStreamId, lastStreamId);
      this.#owner.roomMade();
    };
    const onClose = (): void => {
      clearTimeout(this.#connecting);
      this.#retired = true;
      this.#owner.closed(this);
    };
    session.on("remoteSettings", contain("h2c settings", this.#lose, onSettings));
    session.on("goaway", contain("h2c goaway", this.#lose, onGoaway));
    session.on(
      "error",
      contain("h2c session-error", this.#lose, (error: Error) => {
        this.#error ??= error;
      }),
    );
    // Its place in the pool comes free, whatever happens.
    session.once(
      "close",
      contain("h2c session-close", () => this.#owner.closed(this), onClose),
    );
  }

  /** A property, because it is handed to every boundary. Must not throw. */
  readonly #lose = (error: Error): void => {
    this.#retired = true;
    this.#error = error;
    clearTimeout(this.#connecting);
    this.#session.destroy(error);
    for (const request of this.#requests) request.fault(error);
    this.#owner.closed(this);
  };
}
