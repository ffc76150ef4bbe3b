/** What one HTTP/1.1 connection is doing: its exchanges, and how it comes to an end without cutting a response short. */
import { TLSSocket } from "node:tls";
import type { Limits } from "../../../config/config.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { HttpConnection } from "../exchange/http-connection.ts";
import { respondRaw } from "../exchange/responses.ts";
import { endIfStalled } from "../exchange/stalled.ts";
import type { Http1Response } from "./http1-response.ts";

/** How long a caller may have had a request on its way before it could learn that the connection ends. */
const CROSSING_MS = 1_000;

export class Http1Connection implements HttpConnection {
  readonly connection: Connection;
  readonly #graceMs: number;
  readonly #exchanges = new Set<Exchange>();
  /** Responses that are not out yet, our own included: a response out of turn would be taken for another's. */
  readonly #owed = new Set<Http1Response>();
  #tunnel = false;
  #draining = false;
  #crossing: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #refusal: { readonly status: number; readonly reason: string } | undefined;

  constructor(connection: Connection, graceMs: number) {
    this.connection = connection;
    this.#graceMs = graceMs;
  }

  get busy(): boolean {
    return this.#owed.size > 0;
  }

  /** False when no further request may be served: the connection has lost its right, or was told to end. */
  takesRequests(): boolean {
    if (!this.connection.ending && this.#refusal === undefined) return true;
    if (this.#owed.size === 0) this.connection.socket.destroySoon();
    return false;
  }

  owes(response: Http1Response): void {
    this.connection.requests += 1;
    this.#owed.add(response);
    if (this.#draining) this.#endWith(response);
  }

  responded(response: Http1Response): void {
    this.#owed.delete(response);
    if (this.#owed.size === 0 && this.connection.ending) this.#close();
  }

  exchangeBegan(exchange: Exchange): void {
    this.#exchanges.add(exchange);
  }

  exchangeEnded(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
  }

  tunnelled(): void {
    this.connection.requests += 1;
    this.#tunnel = true;
  }

  revoke(): void {
    const { connection } = this;
    if (this.#tunnel || [...this.#exchanges].some((exchange) => exchange.endless)) connection.reset();
    else if (this.#owed.size === 0) connection.socket.destroySoon();
    else {
      for (const response of this.#owed) response.last();
      this.#grace ??= setTimeout(() => connection.reset(), this.#graceMs);
    }
  }

  /**
   * The next response says that it is the last. An idle connection is not closed at once: the request that may be on its
   * way would be lost, and its caller could not know whether it was served (RFC 9112 section 9.6).
   */
  drain(): void {
    if (this.#tunnel || this.#draining) return;
    this.#draining = true;
    const newest = [...this.#owed].at(-1);
    if (newest !== undefined) this.#endWith(newest);
    else this.#crossing = setTimeout(() => this.connection.socket.destroySoon(), CROSSING_MS);
  }

  /**
   * Refuses what cannot be read: the body of the newest request, or what came behind the pending responses, once they are
   * out. The connection ends with it.
   */
  refuseUnreadable(status: number, reason: string): void {
    this.connection.ending = true;
    const receiving = [...this.#exchanges].find((exchange) => exchange.receiving);
    if (receiving !== undefined) {
      receiving.refuse(status, reason);
      return;
    }
    this.#refusal ??= { status, reason };
    if (this.#owed.size === 0) this.#close();
  }

  enforceLimits(limits: Limits, nowMs: number): void {
    const { connection } = this;
    if (limits.lifetimeMs > 0 && Date.now() - connection.startedAt >= limits.lifetimeMs && !connection.ending) {
      connection.finish("lifetime-reached");
      this.drain();
    }
    for (const exchange of this.#exchanges) endIfStalled(exchange, limits, nowMs);
  }

  closed(): void {
    clearTimeout(this.#grace);
    clearTimeout(this.#crossing);
  }

  /** No request behind this one is taken; those before it are answered. */
  #endWith(response: Http1Response): void {
    clearTimeout(this.#crossing);
    response.last();
  }

  #close(): void {
    const { socket } = this.connection;
    if (socket.destroyed) return;
    if (this.#refusal === undefined) {
      socket.destroySoon();
      return;
    }
    respondRaw(socket, this.#refusal.status, this.#refusal.reason);
    // Whatever the caller still sends is not read: the rest of a refused request must not be taken for another one.
    if (socket instanceof TLSSocket) socket.once("finish", () => socket.destroy());
    else socket.destroySoon();
  }
}
