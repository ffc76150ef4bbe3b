/** What one HTTP/1.1 connection is doing: its exchanges, and how it comes to an end without cutting an answer short. */
import type { ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { Limits } from "../../config/config.ts";
import type { Connection } from "../forwarder.ts";
import type { Exchange } from "./exchange.ts";
import { answerRaw } from "./responses.ts";

export class HttpConnection {
  readonly connection: Connection;
  readonly #graceMs: number;
  readonly #exchanges = new Set<Exchange>();
  /** Answers that are not out yet, our own included: an answer out of turn would be taken for another's. */
  readonly #owed = new Set<ServerResponse>();
  #tunnel = false;
  #grace: NodeJS.Timeout | undefined;
  #refusal: { readonly status: number; readonly reason: string } | undefined;

  constructor(connection: Connection, graceMs: number) {
    this.connection = connection;
    this.#graceMs = graceMs;
  }

  get busy(): boolean {
    return this.#owed.size > 0;
  }

  /** False when the request must not be served. */
  begin(response: ServerResponse): boolean {
    const { connection } = this;
    if (connection.ending || this.#refusal !== undefined) {
      if (this.#owed.size === 0) connection.socket.destroySoon();
      return false;
    }
    connection.requests += 1;
    this.#owed.add(response);
    response.once("close", () => this.#answered(response));
    return true;
  }

  exchangeBegan(exchange: Exchange): void {
    this.#exchanges.add(exchange);
  }

  exchangeEnded(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
  }

  tunnelled(): void {
    this.#tunnel = true;
  }

  /** The right is gone: what is in flight may finish within the grace, except what would never finish. */
  revoke(): void {
    const { connection } = this;
    if (this.#tunnel || [...this.#exchanges].some((exchange) => exchange.endless)) connection.reset();
    else if (this.#owed.size === 0) connection.socket.destroySoon();
    else this.#endAfterPending(() => connection.reset());
  }

  /** The process is going away: the deadline is the drain's own. */
  drain(): void {
    if (this.#tunnel) return;
    if (this.#owed.size === 0) this.connection.socket.destroySoon();
    else this.#endAfterPending(undefined);
  }

  /** Refuses what came behind the pending answers, once they are out, and ends the connection. */
  refuseAfterPending(status: number, reason: string): void {
    this.#refusal ??= { status, reason };
    this.connection.ending = true;
    if (this.#owed.size === 0) this.#close();
  }

  enforceLimits(limits: Limits, nowMs: number): void {
    const { connection } = this;
    if (limits.lifetimeMs > 0 && Date.now() - connection.startedAt >= limits.lifetimeMs && !connection.ending) {
      connection.finish("lifetime-reached");
      connection.ending = true;
      this.drain();
    }
    for (const exchange of this.#exchanges) {
      if (exchange.request.complete) continue;
      const bytes = connection.bytesIn;
      if (bytes !== exchange.seenBytes) {
        exchange.seenBytes = bytes;
        exchange.activeAtMs = nowMs;
      } else if (nowMs - exchange.activeAtMs >= limits.requestIdleTimeoutMs) exchange.refuse(408, "stream timeout");
    }
  }

  closed(): void {
    clearTimeout(this.#grace);
  }

  #endAfterPending(atDeadline: (() => void) | undefined): void {
    for (const response of this.#owed) if (!response.headersSent) response.shouldKeepAlive = false;
    if (atDeadline !== undefined) this.#grace ??= setTimeout(atDeadline, this.#graceMs);
  }

  #answered(response: ServerResponse): void {
    this.#owed.delete(response);
    if (this.#owed.size === 0 && this.connection.ending) this.#close();
  }

  #close(): void {
    const { socket } = this.connection;
    if (socket.destroyed) return;
    if (this.#refusal === undefined) {
      socket.destroySoon();
      return;
    }
    answerRaw(socket, this.#refusal.status, this.#refusal.reason);
    // Whatever the caller still sends is not read: the rest of a refused request must not be taken for another one.
    if (socket instanceof TLSSocket) socket.once("finish", () => socket.destroy());
    else socket.destroySoon();
  }
}
