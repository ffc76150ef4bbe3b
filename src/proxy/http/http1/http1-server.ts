/** HTTP/1.1 towards the caller: Node's own strict parser in a server that never listens, fed with admitted connections. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Limits } from "../../../config/config.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { HttpConnection } from "../exchange/http-connection.ts";
import type { RequestGate } from "../exchange/request-gate.ts";
import { respondRaw } from "../exchange/responses.ts";
import { isWebSocketUpgrade, type WebSocketTunnel } from "../exchange/websocket-tunnel.ts";
import { classifyFailure } from "../upstream/failure.ts";
import { headOf, Http1Response } from "./http1-response.ts";
import { Http1Connection } from "./http1-connection.ts";

/** How often Node looks at the header timeout. */
const CHECK_MS = 1_000;

export interface Http1ServerOptions {
  readonly limits: Limits;
  readonly gate: RequestGate;
  readonly tunnel: WebSocketTunnel;
}

export class Http1Server {
  readonly #options: Http1ServerOptions;
  readonly #server: Server;
  readonly #connections = new Map<Duplex, Http1Connection>();

  constructor(options: Http1ServerOptions) {
    this.#options = options;
    this.#server = this.#createServer(options.limits);
  }

  serve(connection: Connection): HttpConnection {
    const { socket } = connection;
    const state = new Http1Connection(connection, this.#options.limits.revokeGraceMs);
    this.#connections.set(socket, state);
    socket.once("close", () => this.#connections.delete(socket));
    this.#server.emit("connection", socket);
    return state;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #createServer(limits: Limits): Server {
    const server = createServer({
      requireHostHeader: false,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headerTimeoutMs,
      // Bodies may take as long as they progress; the sweep watches them.
      requestTimeout: 0,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, limits.headerTimeoutMs),
      noDelay: true,
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: isWebSocketUpgrade,
    });
    // Headers beyond a count would be hidden from us while they still frame the message (CVE-2026-58044): all are shown,
    // maxHeaderSize bounds them, and judgeHead counts.
    server.maxHeadersCount = 0;
    const onRequest = (request: IncomingMessage, serverResponse: ServerResponse): void =>
      this.#onRequest(request, serverResponse);
    server.on("request", onRequest).on("checkContinue", onRequest).on("checkExpectation", onRequest);
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#onUpgrade(request, socket, head),
    );
    server.on("connect", (_request: IncomingMessage, socket: Duplex) =>
      respondRaw(socket, 405, "CONNECT is not served"),
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => this.#onClientError(error, socket));
    // A server that never listens starts its header timers only when it is told that it does.
    server.emit("listening");
    return server;
  }

  #onRequest(request: IncomingMessage, serverResponse: ServerResponse): void {
    const state = this.#connections.get(request.socket);
    // A connection that has lost its right, or was told to end, forwards nothing more, pipelined requests included.
    if (state === undefined || !state.takesRequests()) return;
    const response = new Http1Response(state.connection, request, serverResponse, (closed) => state.responded(closed));
    state.owes(response);
    const exchange = this.#options.gate.admit(state.connection, headOf(request), response, (ended) =>
      state.exchangeEnded(ended),
    );
    if (exchange === undefined) return;
    state.exchangeBegan(exchange);
    exchange.start();
  }

  /** The request handler never sees upgrades: everything that it does to a request is done here again. */
  #onUpgrade(request: IncomingMessage, socket: Duplex, first: Buffer): void {
    const state = this.#connections.get(request.socket);
    if (state === undefined || state.connection.ending || state.busy) {
      socket.destroy();
      return;
    }
    const { connection } = state;
    const { gate, tunnel } = this.#options;
    const head = headOf(request);
    state.tunnelled();
    const clean = gate.judge(head);
    if (!clean.ok || clean.hasBody) {
      const [status, reason] = clean.ok ? ([400, "an upgrade carries no body"] as const) : [clean.status, clean.reason];
      respondRaw(socket, status, reason);
      gate.refused(connection, head, status, "protocol-error");
      return;
    }
    if (connection.decision.verdict !== "forward") {
      respondRaw(socket, 403, "RBAC: access denied");
      gate.forbidden(connection, head);
      return;
    }
    const headers = gate.headersOf(connection, head, clean);
    tunnel.carry(request, socket, first, clean.path, headers, {
      onStart: (status) => gate.tunnelled(connection, head, status, headers.span),
      onFailure: (error) => {
        const failure = classifyFailure(error);
        if (!socket.destroyed) respondRaw(socket, failure.status, failure.reason);
        gate.refused(connection, head, failure.status, failure.code, headers.span);
      },
    });
  }

  /** What Node's parser refuses, and header timeouts. A response that is still owed goes out first. */
  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const state = this.#connections.get(socket);
    if (state === undefined || error.code === "ECONNRESET" || error.code === "EPIPE" || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, reason] = statusOf(error.code);
    state.connection.finish("protocol-error", error.code ?? error.message);
    state.refuseUnreadable(status, reason);
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
