/**
 * `http` forwarding for one backend of one thread. A connection is handed over after its verdict, to the server of the
 * version that it speaks; every request reads that verdict anew.
 */
import { performance } from "node:perf_hooks";
import type { BackendConfig, Limits } from "../../config/config.ts";
import { contain, faultIn } from "../forward/boundary.ts";
import type { Connection, Forwarder, TrafficSink } from "../forward/forwarder.ts";
import { Http1Server } from "./http1/http1-server.ts";
import { Http2Server } from "./http2/http2-server.ts";
import { Http1Upstream } from "./upstream/http1-upstream.ts";
import { Http2Upstream } from "./upstream/http2-upstream.ts";
import { WebSocketProxy } from "./upstream/websocket-upgrade.ts";
import type { HttpConnection } from "./exchange/http-connection.ts";
import { RequestGate } from "./exchange/request-gate.ts";
import type { NewSpan } from "./exchange/trace-context.ts";

/** How often body, idle and lifetime limits are looked at. */
const SWEEP_MS = 1_000;

export interface HttpForwarderOptions {
  readonly backend: BackendConfig;
  /** The application speaks HTTP/2 without TLS (h2c, prior knowledge), and everything goes to it so; gRPC goes so always. */
  readonly upstreamHttp2: boolean;
  readonly limits: Limits;
  readonly sink: TrafficSink;
  readonly newSpan: NewSpan | undefined;
  /** Only tests set it: HTTP/1.1 is read by Node's server alone. */
  readonly withoutDirect?: boolean;
}

export class HttpForwarder implements Forwarder {
  readonly #limits: Limits;
  readonly #http1: Http1Server;
  readonly #http2: Http2Server;
  readonly #connections = new Map<Connection, HttpConnection>();

  constructor({ backend, upstreamHttp2, limits, sink, newSpan, withoutDirect = false }: HttpForwarderOptions) {
    this.#limits = limits;
    // Neither connects before it has a request.
    const http1 = upstreamHttp2 ? undefined : new Http1Upstream(backend.app, limits);
    const http2Upstream = new Http2Upstream(backend.app, limits, http1);
    const gate = new RequestGate({
      limits,
      sink,
      upstream: http1 ?? http2Upstream,
      webSockets: new WebSocketProxy(backend, limits),
      http2Upstream,
      newSpan,
    });
    this.#http1 = new Http1Server({ limits, gate, withoutDirect });
    this.#http2 = new Http2Server({ limits, gate });
    setInterval(
      () => this.#enforceLimits(),
      Math.min(SWEEP_MS, limits.requestIdleTimeoutMs / 2, limits.headerTimeoutMs),
    ).unref();
  }

  serve(connection: Connection): void {
    const server = connection.protocol === "http/2" ? this.#http2 : this.#http1;
    const state = server.serve(connection);
    this.#connections.set(connection, state);
    connection.socket.once("close", () => this.#connections.delete(connection));
    connection.socket.once(
      "close",
      contain(
        "http close",
        (fault) => connection.fault(fault),
        () => state.closed(),
      ),
    );
  }

  revoke(connection: Connection): void {
    this.#connections.get(connection)?.revoke();
  }

  drain(connection: Connection): void {
    this.#connections.get(connection)?.drain();
  }

  #enforceLimits(): void {
    const now = performance.now();
    for (const state of this.#connections.values()) {
      try {
        state.enforceLimits(this.#limits, now);
      } catch (thrown) {
        state.connection.fault(faultIn("http limits", thrown));
      }
    }
  }
}
