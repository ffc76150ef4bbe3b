/**
 * The connections of one thread to one application: bounded, kept between requests, the latest used first, so that those
 * beyond the need grow old and go.
 */
import { performance } from "node:perf_hooks";
import { addressText, type Limits, type SocketAddress } from "../../../config/config.ts";
import { faultIn } from "../../forward/boundary.ts";
import { ReadBuffers } from "../../forward/read-buffers.ts";
import type { CarriedRequest } from "./carried-request.ts";
import { UpstreamError } from "./failure.ts";
import { sweepIntervalMs } from "./sweep-interval.ts";
import { UpstreamConnection, type ConnectionOwner } from "./upstream-connection.ts";

export class ConnectionPool implements ConnectionOwner {
  readonly #app: SocketAddress;
  readonly #limits: Limits;
  readonly #buffers = new ReadBuffers();
  readonly #connections = new Set<UpstreamConnection>();
  /** The latest used at the end. */
  readonly #idle: UpstreamConnection[] = [];
  #resting: UpstreamConnection[] = [];
  /** Since when, of the monotonic clock; the longest waiting first. */
  readonly #waiting = new Map<CarriedRequest, number>();
  /** As a Host line names the application. */
  readonly authority: string;

  constructor(app: SocketAddress, limits: Limits) {
    this.#app = app;
    this.authority = addressText(app);
    this.#limits = limits;
    setInterval(() => this.#enforceLimits(), sweepIntervalMs(limits)).unref();
  }

  /** @param fresh what was kept may all be stale: it is used only where no further connection may be opened */
  take(request: CarriedRequest, fresh = false): void {
    const kept = fresh && this.#hasRoom ? undefined : this.#keptOne();
    if (kept !== undefined) kept.carry(request);
    else if (this.#hasRoom && (fresh || this.#resting.length <= this.#waiting.size)) this.#open(request);
    else this.#waiting.set(request, performance.now());
  }

  /** It does not wait for a connection any more. */
  forget(request: CarriedRequest): void {
    this.#waiting.delete(request);
  }

  /**
   * It is not used again in this turn: bytes that an application sent behind its response would be taken for the response to
   * the next request, and those that are here already are seen first.
   */
  released(connection: UpstreamConnection): void {
    this.#resting.push(connection);
    if (this.#resting.length > 1) return;
    setImmediate(() => this.#rested());
  }

  closed(connection: UpstreamConnection): void {
    this.#connections.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    const next = this.#hasRoom ? this.#nextWaiting() : undefined;
    if (next !== undefined) this.#open(next);
  }

  get #hasRoom(): boolean {
    return this.#connections.size < this.#limits.maxUpstreamConnections;
  }

  #open(request: CarriedRequest): void {
    const connection = new UpstreamConnection(this.#app, this.#limits, this.#buffers, this);
    this.#connections.add(connection);
    connection.carry(request);
  }

  #keptOne(): UpstreamConnection | undefined {
    const now = performance.now();
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.usable(now)) return connection;
      connection.close(new UpstreamError("CLOSED_EARLY", "idle"));
    }
    return undefined;
  }

  #nextWaiting(): CarriedRequest | undefined {
    const [next] = this.#waiting.keys();
    if (next !== undefined) this.#waiting.delete(next);
    return next;
  }

  #rested(): void {
    const rested = this.#resting;
    this.#resting = [];
    const now = performance.now();
    for (const connection of rested) {
      try {
        this.#settle(connection, now);
      } catch (thrown) {
        connection.close(faultIn("http1-upstream rested", thrown));
      }
    }
    // Some of those that were waited for are gone.
    while (this.#hasRoom && this.#waiting.size > 0) this.#open(this.#nextWaiting()!);
  }

  #settle(connection: UpstreamConnection, nowMs: number): void {
    if (!connection.usable(nowMs)) return;
    const next = this.#nextWaiting();
    if (next === undefined) this.#idle.push(connection);
    else connection.carry(next);
  }

  #enforceLimits(): void {
    const now = performance.now();
    for (const connection of this.#connections) {
      try {
        connection.enforceLimits(now);
      } catch (thrown) {
        connection.close(faultIn("http1-upstream limits", thrown));
      }
    }
    this.#endLongWaits(now);
  }

  /** Connections may all carry responses that never end. */
  #endLongWaits(nowMs: number): void {
    for (const [request, sinceMs] of this.#waiting) {
      if (nowMs - sinceMs < this.#limits.connectTimeoutMs) return;
      this.#waiting.delete(request);
      const error = new UpstreamError("BUSY", "no connection came free in time");
      request.onLost({ error, stale: false, unsent: true });
    }
  }
}
