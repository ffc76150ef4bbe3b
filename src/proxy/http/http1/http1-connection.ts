/** What one HTTP/1.1 connection is doing: its exchanges, and how it comes to an end without cutting a response short. */
import type { Limits } from "../../../config/config.ts";
import { contain } from "../../forward/boundary.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { HttpConnection } from "../exchange/http-connection.ts";
import type { RequestHead } from "../exchange/message.ts";
import type { RequestGate } from "../exchange/request-gate.ts";
import { rawResponse } from "../exchange/responses.ts";
import { endIfStalled } from "../exchange/stalled.ts";
import { closeLingering } from "./lingering-close.ts";
import type { OwedResponse, RequestReader, ResponseOwner } from "./response-owner.ts";

/** How long a caller may have had a request on its way before it could learn that the connection ends. */
const CROSSING_MS = 1_000;

export class Http1Connection implements HttpConnection, ResponseOwner {
  readonly connection: Connection;
  readonly #gate: RequestGate;
  readonly #graceMs: number;
  readonly #exchanges = new Set<Exchange>();
  /** Responses that are not out yet, our own included: a response out of turn would be taken for another's. */
  readonly #owed = new Set<OwedResponse>();
  /** Absent: Node's server reads. */
  #reader: RequestReader | undefined;
  #tunnel = false;
  /** No request is taken any more. */
  #last = false;
  #draining = false;
  #aged = false;
  #crossing: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #refusal: { readonly status: number; readonly reason: string; readonly head: RequestHead | undefined } | undefined;

  constructor(connection: Connection, gate: RequestGate, graceMs: number) {
    this.connection = connection;
    this.#gate = gate;
    this.#graceMs = graceMs;
  }

  readBy(reader: RequestReader | undefined): void {
    this.#reader = reader;
  }

  get busy(): boolean {
    return this.#owed.size > 0;
  }

  /** What cannot be read was refused, or is about to be. */
  get refusing(): boolean {
    return this.#refusal !== undefined;
  }

  /** The caller is still sending the body of a request. */
  get receiving(): boolean {
    return [...this.#owed].some((response) => response.receiving);
  }

  /** False when no further request may be served: the connection has lost its right, or was told to end. */
  takesRequests(): boolean {
    if (!this.#last) return true;
    if (this.#owed.size === 0) this.connection.socket.destroySoon();
    return false;
  }

  owes(response: OwedResponse): void {
    this.connection.requestBegan();
    this.#owed.add(response);
    if (this.#draining) this.#endWith(response);
  }

  /**
   * The caller has ended its side. Responses that it is owed are still sent (RFC 9112 section 9.6); if it is gone, the next
   * write fails. An endless response is cancelled: its next write may never come, and it would be held for ever.
   */
  callerEnded(): void {
    for (const exchange of this.#exchanges) if (exchange.endless && exchange.parts.downstream.begun) exchange.cancel();
  }

  isLast(): void {
    this.#last = true;
  }

  responded(response: OwedResponse): void {
    this.#owed.delete(response);
    if (this.#owed.size === 0 && this.#last) this.#close(response.receiving);
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
  refuseUnreadable(status: number, reason: string, head?: RequestHead): void {
    this.#last = true;
    const unread = new Set<unknown>([...this.#owed].filter((response) => response.receiving));
    if (unread.size > 0) {
      // One that was refused has its response already, and it is the last.
      [...this.#exchanges].find(({ parts }) => unread.has(parts.downstream))?.refuse(status, reason);
      return;
    }
    this.#refusal ??= { status, reason, head };
    if (this.#owed.size === 0) this.#close(true);
  }

  enforceLimits(limits: Limits, nowMs: number): void {
    if (limits.lifetimeMs > 0 && !this.#aged && this.connection.ageMs >= limits.lifetimeMs) {
      this.#aged = true;
      this.connection.end("lifetime-reached");
      this.drain();
    }
    // Looked at each time: what never ends may have been begun, or become endless, after its connection came of age.
    if (this.#aged && (this.#owed.size > 0 || this.#tunnel)) this.#leave();
    for (const exchange of this.#exchanges) endIfStalled(exchange, limits, nowMs);
    this.#reader?.enforceLimits(nowMs);
  }

  closed(): void {
    this.#reader?.closed();
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
  #endWith(response: OwedResponse): void {
    clearTimeout(this.#crossing);
    response.last();
  }

  /** @param receiving bytes of a request are on their way: whatever comes is not read as a message, and costs no response */
  #close(receiving: boolean): void {
    const { socket } = this.connection;
    if (socket.destroyed) return;
    const isLingering = receiving || this.#refusal !== undefined || this.#reader?.unread === true;
    if (isLingering) this.#reader?.discard();
    if (this.#refusal !== undefined && !socket.writableEnded) {
      const { status, reason, head } = this.#refusal;
      socket.write(rawResponse(status, reason, this.#gate.refused(this.connection, head, status)), "latin1");
    }
    if (isLingering) closeLingering(socket, this.#onFault);
    else socket.destroySoon();
  }
}
