/** What one HTTP/2 connection is doing: its streams, and how it comes to an end without losing one that was accepted. */
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { performance } from "node:perf_hooks";
import type { Limits } from "../../../config/config.ts";
import { contain } from "../../forward/boundary.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { HttpConnection } from "../exchange/http-connection.ts";
import { endIfStalled } from "../exchange/stalled.ts";

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;
/** Last stream identifier of a first GOAWAY: no new streams are wanted, and those under way are still served (RFC 9113 section 6.8). */
const EVERY_STREAM = 2 ** 31 - 1;
/** How long a caller may take to see the GOAWAY when it does not answer the PING behind it. */
const GOAWAY_SEEN_MS = 1_000;

export class Http2Connection implements HttpConnection {
  readonly connection: Connection;
  readonly #session: ServerHttp2Session;
  readonly #graceMs: number;
  readonly #exchanges = new Set<Exchange>();
  readonly #streams = new Set<ServerHttp2Stream>();
  readonly #tunnels = new Set<ServerHttp2Stream>();
  #grace: NodeJS.Timeout | undefined;
  #lastGoaway: NodeJS.Timeout | undefined;
  #revoked = false;
  #draining = false;
  #aged = false;
  #idleSinceMs = performance.now();

  constructor(connection: Connection, session: ServerHttp2Session, graceMs: number) {
    this.connection = connection;
    this.#session = session;
    this.#graceMs = graceMs;
  }

  /** While draining, streams that were on their way are still served; after a lost right none is. */
  get takesRequests(): boolean {
    return !this.#revoked;
  }

  opened(stream: ServerHttp2Stream): void {
    this.connection.requestBegan();
    this.#streams.add(stream);
  }

  closedStream(stream: ServerHttp2Stream): void {
    this.#streams.delete(stream);
    this.#tunnels.delete(stream);
    if (this.#streams.size === 0) this.#idleSinceMs = performance.now();
  }

  exchangeBegan(exchange: Exchange): void {
    this.#exchanges.add(exchange);
  }

  exchangeEnded(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
  }

  tunnelled(stream: ServerHttp2Stream): void {
    this.#tunnels.add(stream);
  }

  revoke(): void {
    this.#revoked = true;
    this.#leave();
    this.#end();
  }

  drain(): void {
    if (this.#draining || this.#session.destroyed) return;
    this.#draining = true;
    this.#session.goaway(NGHTTP2_NO_ERROR, EVERY_STREAM);
    // Whatever was sent before the caller saw the GOAWAY has arrived when the PING behind it is answered.
    const end = contain("http2 last-goaway", this.#onFault, () => this.#end());
    this.#lastGoaway = setTimeout(end, GOAWAY_SEEN_MS);
    this.#session.ping(end);
  }

  enforceLimits(limits: Limits, nowMs: number): void {
    const { connection } = this;
    if (limits.lifetimeMs > 0 && !this.#aged && connection.ageMs >= limits.lifetimeMs) {
      this.#aged = true;
      connection.end("lifetime-reached");
      this.drain();
      this.#leave();
    }
    const idleLimitMs = connection.requests === 0 ? limits.headerTimeoutMs : limits.idleTimeoutMs;
    if (this.#streams.size === 0 && nowMs - this.#idleSinceMs >= idleLimitMs && !this.#draining) {
      connection.end("idle-timeout");
      this.drain();
      // Half a header block is no stream, and keeps a session from closing.
      this.#resetAfter(2 * GOAWAY_SEEN_MS);
    }
    for (const exchange of this.#exchanges) endIfStalled(exchange, limits, nowMs);
  }

  closed(): void {
    clearTimeout(this.#grace);
    clearTimeout(this.#lastGoaway);
  }

  readonly #onFault = (fault: Error): void => this.connection.fault(fault);

  /** What is under way may finish within the grace; what never ends by itself is cut at once. */
  #leave(): void {
    for (const stream of this.#tunnels) stream.close(NGHTTP2_CANCEL);
    for (const exchange of this.#exchanges) if (exchange.endless) exchange.cancel();
    this.#resetAfter(this.#graceMs);
  }

  #resetAfter(ms: number): void {
    this.#grace ??= setTimeout(
      contain("http2 grace-timeout", this.#onFault, () => this.connection.reset()),
      ms,
    );
  }

  /** GOAWAY with the last stream that was seen; the session closes when its streams are done. */
  #end(): void {
    clearTimeout(this.#lastGoaway);
    if (!this.#session.destroyed && !this.#session.closed) this.#session.close();
  }
}
