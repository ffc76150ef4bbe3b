/** What one HTTP/1.1 connection is doing: its exchanges, and how it comes to an end without cutting a response short. */
import { TLSSocket } from "node:tls";
import type { Limits } from "../../../config/config.ts";
import { contain } from "../../forward/boundary.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { HttpConnection } from "../exchange/http-connection.ts";
import type { RequestGate } from "../exchange/request-gate.ts";
import { respondRaw } from "../exchange/responses.ts";
import { endIfStalled } from "../exchange/stalled.ts";
import type { Http1Response, ResponseOwner } from "./http1-response.ts";

/** How long a caller may have had a request on its way before it could learn that the connection ends. */
const CROSSING_MS = 1_000;

export class Http1Connection implements HttpConnection, ResponseOwner {
  readonly connection: Connection;
  readonly #gate: RequestGate;
  readonly #graceMs: number;
  readonly #exchanges = new Set<Exchange>();
  /** Responses that are not out yet, our own included: a response out of turn would be taken for another's. */
  readonly #owed = new Set<Http1Response>();
  #tunnel = false;
  /** No request is taken any more. */
  #last = false;
  #draining = false;
  #aged = false;
  #crossing: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #refusal: { readonly status: number; readonly reason: string } | undefined;

  constructor(connection: Connection, gate: RequestGate, graceMs: number) {
    this.connection = connection;
    this.#gate = gate;
    this.#graceMs = graceMs;
  }

  get busy(): boolean {
    return this.#owed.size > 0;
  }

  /** False when no further request may be served: the connection has lost its right, or was told to end. */
  takesRequests(): boolean {
    if (!this.#last) return true;
    if (this.#owed.size === 0) this.connection.socket.destroySoon();
    return false;
  }

  owes(response: Http1Response): void {
    this.connection.requestBegan();
    this.#owed.add(response);
    if (this.#draining) this.#endWith(response);
  }

  isLast(): void {
    this.#last = true;
  }

  responded(response: Http1Response): void {
    this.#owed.delete(response);
    if (this.#owed.size === 0 && this.#last) this.#close();
  }

  exchangeBegan(exchange: Exchange): void {
    this.#exchanges.add(exchange);
  }

  exchangeEnded(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
  }

  tunnelled(): void {
    this.connection.requestBegan();
    this.#tunnel = true;
  }

  revoke(): void {
    this.#last = true;
    if (this.#owed.size === 0 && !this.#tunnel) this.connection.socket.destroySoon();
    else this.#leave();
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
    else {
      const close = contain("http1 crossing-timeout", this.#onFault, () => this.connection.socket.destroySoon());
      this.#crossing = setTimeout(close, CROSSING_MS);
    }
  }

  /**
   * Refuses what cannot be read: the body of the newest request, or what came behind the pending responses, once they are
   * out. The connection ends with it.
   */
  refuseUnreadable(status: number, reason: string): void {
    this.#last = true;
    const receiving = [...this.#exchanges].find((exchange) => exchange.receiving);
    if (receiving !== undefined) {
      receiving.refuse(status, reason);
      return;
    }
    this.#refusal ??= { status, reason };
    if (this.#owed.size === 0) this.#close();
  }

  enforceLimits(limits: Limits, nowMs: number): void {
    if (limits.lifetimeMs > 0 && !this.#aged && this.connection.ageMs >= limits.lifetimeMs) {
      this.#aged = true;
      this.connection.end("lifetime-reached");
      this.drain();
      if (this.#owed.size > 0 || this.#tunnel) this.#leave();
    }
    for (const exchange of this.#exchanges) endIfStalled(exchange, limits, nowMs);
  }

  closed(): void {
    clearTimeout(this.#grace);
    clearTimeout(this.#crossing);
  }

  readonly #onFault = (fault: Error): void => this.connection.fault(fault);

  /** What is under way may finish within the grace; what never ends by itself is cut at once. */
  #leave(): void {
    const { connection } = this;
    if (this.#tunnel || [...this.#exchanges].some((exchange) => exchange.endless)) {
      connection.reset();
      return;
    }
    for (const response of this.#owed) response.last();
    const cut = contain("http1 grace-timeout", this.#onFault, () => connection.reset());
    this.#grace ??= setTimeout(cut, this.#graceMs);
  }

  /** No request behind this one is taken; those before it are responded to. */
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
    const { status, reason } = this.#refusal;
    respondRaw(socket, status, reason, this.#gate.refused(this.connection, undefined, status));
    // Whatever the caller still sends is not read: the rest of a refused request must not be taken for another one.
    if (socket instanceof TLSSocket) socket.once("finish", () => socket.destroy());
    else socket.destroySoon();
  }
}
