/**
 * The HTTP/2 connections of one thread to one application: bounded, and none with more streams than the application has
 * said that it takes. The first one is filled first, so that those beyond the need grow idle and go.
 */
import { performance } from "node:perf_hooks";
import { addressText, type Limits, type SocketAddress } from "../../../config/config.ts";
import { faultIn } from "../../forward/boundary.ts";
import { isBrokenHttp2, UpstreamError } from "./failure.ts";
import { STREAMS_PER_SESSION, UpstreamSession, type SessionOwner, type StreamRequest } from "./http2-session.ts";
import { sweepIntervalMs } from "./sweep-interval.ts";

/** A request that waits for its place on a connection. */
export interface WaitingRequest extends StreamRequest {
  sendOn(session: UpstreamSession): void;
  /** No connection came about. */
  onUnreachable(error: Error): void;
}

export class SessionPool implements SessionOwner {
  readonly #origin: string;
  readonly #limits: Limits;
  readonly #sessions = new Set<UpstreamSession>();
  /** Since when, of the monotonic clock; the longest waiting first. */
  readonly #waiting = new Map<WaitingRequest, number>();
  /** Streams that the next connection is taken to allow: as many as the last one did. */
  #expected = STREAMS_PER_SESSION;

  constructor(app: SocketAddress, limits: Limits) {
    this.#origin = `http://${addressText(app)}`;
    this.#limits = limits;
    setInterval(() => this.#enforceLimits(), sweepIntervalMs(limits)).unref();
  }

  /** Requests that all connections together may carry at once, as far as it is known. */
  get capacity(): number {
    return this.#limits.maxUpstreamConnections * this.#expected;
  }

  take(request: WaitingRequest): void {
    this.#waiting.set(request, performance.now());
    this.roomMade();
  }

  /** It does not wait for a connection any more. */
  forget(request: WaitingRequest): void {
    this.#waiting.delete(request);
  }

  roomMade(): void {
    for (const session of this.#sessions) {
      if (session.ready) this.#expected = Math.max(1, session.allowed);
      while (session.hasRoom && this.#waiting.size > 0) this.#sendNext(session);
    }
    let coming = 0;
    for (const session of this.#sessions) if (!session.ready && !session.retired) coming += this.#expected;
    for (; this.#waiting.size > coming && this.#mayOpen; coming += this.#expected)
      this.#sessions.add(new UpstreamSession(this.#origin, this.#limits, this));
  }

  closed(session: UpstreamSession): void {
    if (!this.#sessions.delete(session)) return;
    // Requests that wait while another connection is usable are served by that one: a failed attempt is not repeated for them.
    if (session.ready) this.roomMade();
    else if (!this.#hasUsable) this.#failWaiting(lossOf(session));
  }

  /** Where none takes requests, a further one is allowed whatever the limit: after a GOAWAY connections last as long as their streams. */
  get #mayOpen(): boolean {
    return this.#sessions.size < this.#limits.maxUpstreamConnections || !this.#hasUsable;
  }

  get #hasUsable(): boolean {
    for (const session of this.#sessions) if (!session.retired) return true;
    return false;
  }

  get #hasReady(): boolean {
    for (const session of this.#sessions) if (session.ready && !session.retired) return true;
    return false;
  }

  #sendNext(session: UpstreamSession): void {
    const [next] = this.#waiting.keys();
    if (next === undefined) return;
    this.#waiting.delete(next);
    try {
      next.sendOn(session);
    } catch (thrown) {
      next.fault(faultIn("h2c send", thrown));
    }
  }

  #failWaiting(error: Error): void {
    const waiting = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const request of waiting) request.onUnreachable(error);
  }

  #enforceLimits(): void {
    const now = performance.now();
    for (const session of this.#sessions) session.enforceLimits(now);
    if (this.#hasReady) this.#endLongWaits(now);
  }

  /** Connections may all carry responses that never end. One that is being made has a limit of its own, which tells why. */
  #endLongWaits(nowMs: number): void {
    for (const [request, sinceMs] of this.#waiting) {
      if (nowMs - sinceMs < this.#limits.connectTimeoutMs) return;
      this.#waiting.delete(request);
      request.onUnreachable(new UpstreamError("BUSY", "no place on a connection came free in time"));
    }
  }
}

/** Why a connection that came to nothing did. */
function lossOf({ error, spoke }: UpstreamSession): Error {
  if (error === undefined) return new UpstreamError("CLOSED_EARLY", "connection closed");
  return !spoke && isBrokenHttp2(error) ? new UpstreamError("NOT_HTTP2", error.message) : error;
}
