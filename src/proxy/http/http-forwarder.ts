/**
 * `http` forwarding for one backend of one thread: Node's own server parses, undici sends. A connection is handed over
 * after its verdict; every request reads that verdict anew.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { BackendConfig, Limits } from "../../config/config.ts";
import type { Connection, Forwarder, TrafficSink } from "../forwarder.ts";
import { Exchange } from "./exchange.ts";
import { upstreamHeaders, type UpstreamHeaders } from "./headers.ts";
import { HttpConnection } from "./http-connection.ts";
import { exchangeRecord, refusalRecord } from "./request-record.ts";
import { judgeHead, type CleanHead } from "./request-head.ts";
import { answerError, answerForbidden, answerRaw } from "./responses.ts";
import { classifyFailure, Upstream } from "./upstream.ts";
import { isWebSocketUpgrade, WebSocketTunnel } from "./upgrade.ts";

/** How often header, body and lifetime limits are looked at. */
const SWEEP_MS = 1_000;

export interface HttpForwarderOptions {
  readonly backend: BackendConfig;
  readonly limits: Limits;
  readonly thread: number;
  readonly sink: TrafficSink;
}

export function createHttpForwarder(options: HttpForwarderOptions): Forwarder {
  return new HttpForwarder(options);
}

class HttpForwarder implements Forwarder {
  readonly #options: HttpForwarderOptions;
  readonly #server: Server;
  readonly #upstream: Upstream;
  readonly #tunnel: WebSocketTunnel;
  readonly #connections = new Map<Duplex, HttpConnection>();
  readonly #sweep: NodeJS.Timeout;

  constructor(options: HttpForwarderOptions) {
    this.#options = options;
    this.#upstream = new Upstream(options.backend, options.limits);
    this.#tunnel = new WebSocketTunnel(options.backend, options.limits);
    this.#server = this.#createServer(options.limits);
    this.#sweep = setInterval(
      () => this.#enforceLimits(),
      Math.min(SWEEP_MS, options.limits.requestIdleTimeoutMs / 2),
    ).unref();
  }

  serve(connection: Connection): void {
    const { socket } = connection;
    const state = new HttpConnection(connection, this.#options.limits.revokeGraceMs);
    this.#connections.set(socket, state);
    socket.once("close", () => {
      this.#connections.delete(socket);
      state.closed();
    });
    this.#server.emit("connection", socket);
  }

  revoke(connection: Connection): void {
    this.#connections.get(connection.socket)?.revoke();
  }

  drain(connection: Connection): void {
    connection.ending = true;
    this.#connections.get(connection.socket)?.drain();
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#tunnel.close();
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#upstream.close();
  }

  #createServer(limits: Limits): Server {
    const server = createServer({
      requireHostHeader: false,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headerTimeoutMs,
      // Bodies may take as long as they progress; the sweep watches them.
      requestTimeout: 0,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(SWEEP_MS, limits.headerTimeoutMs),
      noDelay: true,
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: isWebSocketUpgrade,
    });
    // Headers beyond a count would be hidden from us while they still frame the message (CVE-2026-58044): all are shown,
    // maxHeaderSize bounds them, and judgeHead counts.
    server.maxHeadersCount = 0;
    server.on("request", (request, response) => this.#onRequest(request, response));
    server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request, response),
    );
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#onUpgrade(request, socket, head),
    );
    server.on("connect", (_request: IncomingMessage, socket: Duplex) =>
      answerRaw(socket, 405, "CONNECT is not served"),
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => this.#onClientError(error, socket));
    // A server that never listens starts its header timers only when it is told that it does.
    server.emit("listening");
    return server;
  }

  /** Where a request is complete and judged; what stands in front of this may serve simple requests on its own. */
  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const state = this.#connections.get(request.socket);
    // A connection that has lost its right, or was told to end, forwards nothing more, pipelined requests included.
    if (state === undefined || !state.begin(response)) return;
    const { connection } = state;
    const { limits, backend } = this.#options;
    const head = judgeHead(
      request.method ?? "",
      request.url ?? "",
      request.rawHeaders,
      request.httpVersion,
      limits.maxHeaders,
    );
    if (!head.ok) {
      answerError(response, head.status, head.reason, undefined, true);
      this.#options.sink.exchange(
        refusalRecord(connection, this.#options.thread, request, head.status, "protocol-error"),
      );
      return;
    }
    const { decision } = connection;
    if (decision.verdict !== "forward") {
      answerForbidden(response, head.grpc, head.hasBody);
      const record = refusalRecord(connection, this.#options.thread, request, 403, decision.reason);
      this.#options.sink.forbidden(record, connection);
      return;
    }
    const headers = this.#headersOf(connection, request, head);
    if (this.#upstream.full) {
      answerError(response, 503, "the application is busy", headers.requestId, head.hasBody);
      this.#options.sink.exchange(refusalRecord(connection, this.#options.thread, request, 503, "upstream-busy"));
      return;
    }
    if (request.headers.expect !== undefined) response.writeContinue();
    const exchange = new Exchange(connection, request, response, head, headers, this.#upstream, {
      onEnd: (ended) => {
        state.exchangeEnded(ended);
        this.#options.sink.exchange(exchangeRecord(ended, this.#options.thread, backend.port));
      },
    });
    state.exchangeBegan(exchange);
    exchange.start();
  }

  #headersOf(connection: Connection, request: IncomingMessage, head: CleanHead): UpstreamHeaders {
    return upstreamHeaders(request.rawHeaders, head.hasBody, {
      protocol: connection.socket instanceof TLSSocket ? "https" : "http",
      newRequestId: randomUUID,
      clientCert: connection.clientCertHeader,
    });
  }

  /** The request handler never sees upgrades: everything that it does to a request is done here again. */
  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const state = this.#connections.get(request.socket);
    if (state === undefined || state.connection.ending || state.busy) {
      socket.destroy();
      return;
    }
    const { connection } = state;
    const { limits, thread, sink } = this.#options;
    connection.requests += 1;
    const clean = judgeHead(
      request.method ?? "",
      request.url ?? "",
      request.rawHeaders,
      request.httpVersion,
      limits.maxHeaders,
    );
    if (!clean.ok || clean.hasBody) {
      answerRaw(socket, clean.ok ? 400 : clean.status, clean.ok ? "an upgrade carries no body" : clean.reason);
      sink.exchange(refusalRecord(connection, thread, request, clean.ok ? 400 : clean.status, "protocol-error"));
      return;
    }
    if (connection.decision.verdict !== "forward") {
      answerRaw(socket, 403, "RBAC: access denied");
      sink.forbidden(refusalRecord(connection, thread, request, 403, connection.decision.reason), connection);
      return;
    }
    const original = { method: request.method ?? "", url: request.url ?? "" };
    state.tunnelled();
    this.#tunnel.carry(connection, request, socket, head, clean, this.#headersOf(connection, request, clean), {
      onStart: (status) =>
        sink.exchange(refusalRecord(connection, thread, { ...original, httpVersion: "1.1" }, status, undefined)),
      onFailure: (error) => {
        const failure = classifyFailure(error);
        if (!socket.destroyed) answerRaw(socket, failure.status, failure.reason);
        sink.exchange(
          refusalRecord(connection, thread, { ...original, httpVersion: "1.1" }, failure.status, failure.code),
        );
      },
    });
  }

  /** What Node's parser refuses, and header timeouts. An answer that is still owed goes out first. */
  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const state = this.#connections.get(socket);
    if (state === undefined || error.code === "ECONNRESET" || error.code === "EPIPE" || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, reason] = statusOf(error.code);
    state.connection.finish("protocol-error", error.code ?? error.message);
    state.refuseAfterPending(status, reason);
  }

  #enforceLimits(): void {
    const now = performance.now();
    for (const state of this.#connections.values()) state.enforceLimits(this.#options.limits, now);
  }
}

function statusOf(code: string | undefined): readonly [number, string] {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return [431, "request header is too large"];
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return [413, "chunk extensions are too large"];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, "stream timeout"];
    default:
      return [400, "malformed request"];
  }
}
