/** HTTP/2 towards the caller: one nghttp2 session on each admitted connection. */
import { constants, performServerHandshake, type ServerHttp2Stream } from "node:http2";
import type { Limits } from "../../../config/config.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { HttpConnection } from "../exchange/http-connection.ts";
import type { RequestGate } from "../exchange/request-gate.ts";
import { respondError, respondForbidden } from "../exchange/responses.ts";
import type { WebSocketTunnel } from "../exchange/websocket-tunnel.ts";
import { carryExtendedConnect } from "./extended-connect.ts";
import { Http2Response } from "./http2-response.ts";
import { Http2Connection } from "./http2-connection.ts";
import { readHttp2Head, type Http2Head } from "./http2-head.ts";
import { SESSION_LIMITS } from "../http2-limits.ts";

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_REFUSED_STREAM } = constants;
/** Of one stream, and of all streams of a connection: what a caller may send before the application has read it. */
const STREAM_WINDOW_BYTES = 262_144;
const CONNECTION_WINDOW_BYTES = 1_048_576;
const PSEUDO_HEADERS = 5;

/** For a caller to read the last frames before the connection is gone. */
const LINGER_MS = 500;

export interface Http2ServerOptions {
  readonly limits: Limits;
  readonly gate: RequestGate;
  readonly tunnel: WebSocketTunnel;
}

export class Http2Server {
  readonly #options: Http2ServerOptions;

  constructor(options: Http2ServerOptions) {
    this.#options = options;
  }

  serve(connection: Connection): HttpConnection {
    const { limits } = this.#options;
    const session = performServerHandshake(connection.socket, {
      settings: {
        enableConnectProtocol: true,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxConcurrentStreams: limits.maxStreams,
        maxHeaderListSize: limits.maxHeaderBytes,
      },
      // One more than is allowed gets our 431; beyond that nghttp2 ends the stream by itself.
      maxHeaderListPairs: limits.maxHeaders + PSEUDO_HEADERS + 1,
      ...SESSION_LIMITS,
    });
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    const state = new Http2Connection(connection, session, limits.revokeGraceMs);
    session.on("error", (error: NodeJS.ErrnoException) =>
      connection.finish("protocol-error", error.code ?? error.message),
    );
    session.on("stream", (stream, _headers, flags, raw) =>
      this.#onStream(state, stream, readHttp2Head(raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0)),
    );
    destroyAfterEnd(connection);
    return state;
  }

  #onStream(state: Http2Connection, stream: ServerHttp2Stream, head: Http2Head): void {
    if (!state.takesRequests) {
      stream.on("error", () => undefined);
      stream.close(NGHTTP2_REFUSED_STREAM);
      return;
    }
    state.opened(stream);
    const response = new Http2Response(stream, head, () => state.closedStream(stream));
    if (head.fault !== undefined) {
      respondError(response, { status: 400, reason: head.fault, grpc: false }, "close");
      this.#options.gate.refused(state.connection, head, 400, "protocol-error");
      return;
    }
    if (head.method === "CONNECT") {
      this.#onConnect(state, stream, head, response);
      return;
    }
    const exchange = this.#options.gate.admit(state.connection, head, response, (ended) => state.exchangeEnded(ended));
    if (exchange === undefined) return;
    state.exchangeBegan(exchange);
    exchange.start();
  }

  /** CONNECT proper is not served; with `:protocol` it is HTTP/2's way to ask for a WebSocket (RFC 8441). */
  #onConnect(state: Http2Connection, stream: ServerHttp2Stream, head: Http2Head, response: Http2Response): void {
    const { gate, tunnel } = this.#options;
    const { connection } = state;
    const clean = head.protocol === "websocket" ? gate.judge({ ...head, method: "GET", hasBody: false }) : undefined;
    if (clean === undefined || !clean.ok) {
      const [status, reason] =
        clean === undefined ? ([405, "CONNECT is not served"] as const) : [clean.status, clean.reason];
      respondError(response, { status, reason, grpc: false }, "close");
      gate.refused(connection, head, status, "protocol-error");
      return;
    }
    if (connection.decision.verdict !== "forward") {
      respondForbidden(response, false, "close");
      gate.forbidden(connection, head);
      return;
    }
    state.tunnelled(stream);
    const headers = gate.headersOf(connection, head, clean);
    carryExtendedConnect(stream, tunnel, clean.path, headers, {
      onStart: (status) => gate.tunnelled(connection, head, status, headers.span),
      onFailure: (failure) => {
        respondError(response, { status: failure.status, reason: failure.reason, grpc: false }, "close");
        gate.refused(connection, head, failure.status, failure.code, headers.span);
      },
    });
  }
}

/** Node ends a session with a FIN and waits for the caller's own, which a hostile or forgetful caller never sends. */
function destroyAfterEnd({ socket }: Connection): void {
  socket.once("finish", () => {
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
  });
}
