/**
 * Where a request whose head is complete is judged and from where it is sent, whichever version of HTTP it came by. No reader
 * may send a request past it.
 */
import { randomUUID } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { Limits } from "../../../config/config.ts";
import type { RequestSpan } from "../../../telemetry/records.ts";
import type { Connection, TrafficSink } from "../../forward/forwarder.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { UpgradeCaller, WebSocketProxy } from "../upstream/websocket-upgrade.ts";
import { Exchange } from "./exchange.ts";
import { requestIdIn, upstreamHeaders, type UpstreamHeaders } from "./headers.ts";
import { nextHop } from "./max-forwards.ts";
import type { Downstream, RequestHead } from "./message.ts";
import { exchangeFacts, refusalFacts, type RefusedRequest } from "./request-record.ts";
import { judgeHead, type CleanHead, type HeadFault } from "./request-head.ts";
import { respondError, respondForbidden, respondOptions } from "./responses.ts";
import { traceparentIn, type NewSpan } from "./trace-context.ts";

export interface RequestGateOptions {
  readonly limits: Limits;
  readonly sink: TrafficSink;
  readonly upstream: Upstream;
  readonly webSockets: WebSocketProxy;
  /** By HTTP/2: the same as `upstream` where the application speaks nothing else. */
  readonly http2Upstream: Upstream;
  /** Absent: no tracing. */
  readonly newSpan: NewSpan | undefined;
}

/** A request at the gate. */
export interface Arrival {
  readonly connection: Connection;
  readonly head: RequestHead;
  readonly downstream: Downstream;
  /** Why its protocol's own reading of it cannot be forwarded. */
  readonly fault?: HeadFault | undefined;
  /** The request asks for a WebSocket. */
  readonly upgrade?: UpgradeCaller;
  /** Called once with the exchange that `admit` returned. */
  readonly onEnd: (exchange: Exchange) => void;
}

/** What is known of a request whose head was not read. */
const UNREAD = { method: "", target: "", lines: [] } as const;

export class RequestGate {
  readonly #options: RequestGateOptions;

  constructor(options: RequestGateOptions) {
    this.#options = options;
  }

  /** @returns the exchange that now carries it, to be started; `undefined` when it was refused here */
  admit(arrival: Arrival): Exchange | undefined {
    const { connection, downstream, upgrade } = arrival;
    const clean = this.#judge(arrival);
    if (!clean.ok) {
      this.#refuse(arrival, { status: clean.status, reason: "protocol-error" }, clean.reason, false, true);
      return undefined;
    }
    connection.judgeNow();
    if (connection.decision.verdict !== "forward") {
      this.#forbid(arrival, clean);
      return undefined;
    }
    const head = nextHop(arrival.head);
    if (head === undefined) {
      this.#respondLast(arrival, clean);
      return undefined;
    }
    const { webSockets, sink } = this.#options;
    const upstream = upgrade === undefined ? this.#upstreamFor(head, clean) : webSockets.upstreamFor(upgrade);
    const headers = this.#headersOf(connection, head, clean);
    if (upstream.full) {
      const busy = { status: 503, reason: "upstream-busy", headers } as const;
      this.#refuse(arrival, busy, "the application is busy", clean.grpc, clean.hasBody);
      return undefined;
    }
    if (clean.expectsContinue) downstream.proceed();
    return new Exchange({
      connection,
      head,
      clean,
      headers,
      downstream,
      upstream,
      upgrade: upgrade !== undefined,
      onEnd: (exchange) => {
        arrival.onEnd(exchange);
        sink.exchange(exchangeFacts(exchange), connection);
      },
    });
  }

  /**
   * Records a refusal that was given without this gate: the message could not be read, or asks for what is not served.
   * @param head absent where it could not be read either
   * @param status zero where there was no response
   * @returns the identifier for the caller, as in the record
   */
  refused(
    connection: Connection,
    head: RequestHead | undefined,
    status: number,
    reason: "protocol-error" | "internal-error" = "protocol-error",
  ): string {
    const known = head ?? { ...UNREAD, version: connection.protocol === "http/2" ? "2" : "1.1" };
    const requestId = requestIdOf(known);
    const refused = { head: known, status, reason, requestId };
    this.#options.sink.exchange(refusalFacts(refused, this.#newSpan(known)), connection);
    return requestId;
  }

  /** By the same rules for requests and upgrades. */
  #judge({ head, fault, upgrade }: Arrival): CleanHead | HeadFault {
    const clean = fault ?? judgeHead(head, this.#options.limits.maxHeaders);
    if (clean.ok && clean.hasBody && upgrade !== undefined)
      return { ok: false, status: 400, reason: "an upgrade carries no body" };
    return clean;
  }

  /**
   * gRPC of HTTP/2 callers goes on by HTTP/2, whose trailers carry its status. Over HTTP/1.1 gRPC comes from a bridge with an
   * understanding of its own about trailers: its requests are sent as all others.
   */
  #upstreamFor(head: RequestHead, clean: CleanHead): Upstream {
    const { upstream, http2Upstream } = this.#options;
    return clean.grpc && head.version === "2" ? http2Upstream : upstream;
  }

  #headersOf(connection: Connection, head: RequestHead, clean: CleanHead): UpstreamHeaders {
    const lines = clean.authority === undefined ? head.lines : ["host", clean.authority, ...head.lines];
    return upstreamHeaders(lines, clean.hasBody, {
      protocol: connection.socket instanceof TLSSocket ? "https" : "http",
      newRequestId: randomUUID,
      clientCert: connection.clientCertHeader,
      // Trailers may be asked for where HTTP/2 brings them.
      trailers: this.#upstreamFor(head, clean) === this.#options.http2Upstream,
      newSpan: this.#options.newSpan,
    });
  }

  /** @param text one line for the caller */
  #refuse(
    { connection, head, downstream }: Arrival,
    { headers, ...refused }: Pick<RefusedRequest, "status" | "reason"> & { readonly headers?: UpstreamHeaders },
    text: string,
    grpc: boolean,
    close: boolean,
  ): void {
    const requestId = headers?.requestId ?? requestIdOf(head);
    respondError(downstream, { status: refused.status, reason: text, requestId, grpc }, close ? "close" : "keep");
    const span = headers?.span ?? this.#newSpan(head);
    this.#options.sink.exchange(refusalFacts({ head, requestId, ...refused }, span), connection);
  }

  /** It may be forwarded no more. Requests are reflected to nobody: a TRACE is not ours to answer. */
  #respondLast(arrival: Arrival, { hasBody }: CleanHead): void {
    const { connection, head, downstream } = arrival;
    if (head.method === "TRACE") {
      this.#refuse(arrival, { status: 501, reason: "protocol-error" }, "TRACE is not answered here", false, hasBody);
      return;
    }
    const requestId = requestIdOf(head);
    respondOptions(downstream, requestId, hasBody ? "close" : "keep");
    const facts = refusalFacts({ head, status: 204, reason: undefined, requestId }, this.#newSpan(head));
    this.#options.sink.exchange(facts, connection);
  }

  #forbid({ connection, head, downstream }: Arrival, clean: CleanHead): void {
    const { decision } = connection;
    if (decision.verdict === "forward") return;
    const requestId = requestIdOf(head);
    respondForbidden(downstream, requestId, clean.grpc, clean.hasBody ? "close" : "keep");
    const refused = { head, status: 403, reason: decision.reason, requestId };
    this.#options.sink.forbidden(refusalFacts(refused, this.#newSpan(head)), connection);
  }

  #newSpan(head: RequestHead): RequestSpan | undefined {
    return this.#options.newSpan?.(traceparentIn(head.lines));
  }
}

/** The caller's own, or a new one: what is shown to it is what the record says. */
function requestIdOf(head: RequestHead): string {
  return requestIdIn(head.lines) ?? randomUUID();
}
