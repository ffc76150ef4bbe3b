/**
 * Where a request is complete and judged, whatever protocol brought it, and from where it is sent. What stands in front of
 * this may serve simple requests on its own, by the same rules.
 */
import { randomUUID } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { Limits } from "../../../config/config.ts";
import type { RequestSpan } from "../../../telemetry/records.ts";
import type { Connection, TrafficSink } from "../../forward/forwarder.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { Exchange } from "./exchange.ts";
import { upstreamHeaders, type UpstreamHeaders } from "./headers.ts";
import type { Downstream, RequestHead } from "./message.ts";
import { exchangeRecord, refusalRecord } from "./request-record.ts";
import { judgeHead, type CleanHead } from "./request-head.ts";
import { respondError, respondForbidden } from "./responses.ts";
import { traceparentIn, type NewSpan } from "./trace-context.ts";

export interface RequestGateOptions {
  readonly limits: Limits;
  readonly thread: number;
  readonly sink: TrafficSink;
  readonly upstream: Upstream;
  /** The application speaks HTTP/2: trailers may be asked for. */
  readonly upstreamHttp2: boolean;
  /** Absent: no tracing. */
  readonly newSpan: NewSpan | undefined;
}

export class RequestGate {
  readonly #options: RequestGateOptions;

  constructor(options: RequestGateOptions) {
    this.#options = options;
  }

  /** By the same rules for requests and upgrades. */
  judge(head: RequestHead): ReturnType<typeof judgeHead> {
    return judgeHead(head, this.#options.limits.maxHeaders);
  }

  headersOf(connection: Connection, head: RequestHead, clean: CleanHead): UpstreamHeaders {
    return upstreamHeaders(head.lines, clean.hasBody, {
      protocol: connection.socket instanceof TLSSocket ? "https" : "http",
      newRequestId: randomUUID,
      clientCert: connection.clientCertHeader,
      trailers: this.#options.upstreamHttp2,
      newSpan: this.#options.newSpan,
    });
  }

  /** @param span of the request, where it got as far as having headers for the application */
  refused(connection: Connection, head: RequestHead, status: number, reason: string, span?: RequestSpan): void {
    const { sink, thread } = this.#options;
    sink.exchange(refusalRecord(connection, thread, head, status, reason, span ?? this.#newSpan(head)));
  }

  /** The request left HTTP: what follows on it is the tunnel's. */
  tunnelled(connection: Connection, head: RequestHead, status: number, span: RequestSpan | undefined): void {
    this.#options.sink.exchange(refusalRecord(connection, this.#options.thread, head, status, undefined, span));
  }

  forbidden(connection: Connection, head: RequestHead): void {
    const reason = connection.decision.verdict === "forward" ? undefined : connection.decision.reason;
    const record = refusalRecord(connection, this.#options.thread, head, 403, reason, this.#newSpan(head));
    this.#options.sink.forbidden(record, connection);
  }

  /**
   * @param onEnd called once with the exchange that this returned
   * @returns the exchange that now carries it, to be started; `undefined` when it was answered here
   */
  admit(
    connection: Connection,
    head: RequestHead,
    downstream: Downstream,
    onEnd: (exchange: Exchange) => void,
  ): Exchange | undefined {
    const clean = this.judge(head);
    if (!clean.ok) {
      respondError(downstream, { status: clean.status, reason: clean.reason, grpc: false }, "close");
      this.refused(connection, head, clean.status, "protocol-error");
      return undefined;
    }
    if (connection.decision.verdict !== "forward") {
      respondForbidden(downstream, clean.grpc, clean.hasBody ? "close" : "keep");
      this.forbidden(connection, head);
      return undefined;
    }
    const headers = this.headersOf(connection, head, clean);
    const { upstream, sink, thread } = this.#options;
    if (upstream.full) {
      const busy = { status: 503, reason: "the application is busy", requestId: headers.requestId, grpc: clean.grpc };
      respondError(downstream, busy, clean.hasBody ? "close" : "keep");
      this.refused(connection, head, 503, "upstream-busy", headers.span);
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
      onEnd: (exchange) => {
        onEnd(exchange);
        sink.exchange(exchangeRecord(exchange, thread));
      },
    });
  }

  #newSpan(head: RequestHead): RequestSpan | undefined {
    return this.#options.newSpan?.(traceparentIn(head.lines));
  }
}
