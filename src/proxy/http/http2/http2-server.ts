/** HTTP/2 towards the caller: one nghttp2 session on each admitted connection. */
import { constants, performServerHandshake, type ServerHttp2Stream } from "node:http2";
import type { Limits } from "../../../config/config.ts";
import type { Connection } from "../../forward/forwarder.ts";
import { contain } from "../../forward/boundary.ts";
import { newWebSocketKey } from "../upstream/websocket-key.ts";
import type { UpgradeCaller } from "../upstream/websocket-upgrade.ts";
import type { HttpConnection } from "../exchange/http-connection.ts";
import type { RequestHead } from "../exchange/message.ts";
import type { RequestGate } from "../exchange/request-gate.ts";
import { StreamSocket } from "./extended-connect.ts";
import { Http2Response } from "./http2-response.ts";
import { Http2Connection } from "./http2-connection.ts";
import { FIELD_OVERHEAD_BYTES, readHttp2Head, type Http2Head } from "./http2-head.ts";
import { SESSION_LIMITS } from "../http2-limits.ts";

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;
/** Of one stream, and of all streams of a connection: what a caller may send before the application has read it. */
const STREAM_WINDOW_BYTES = 262_144;
const CONNECTION_WINDOW_BYTES = 1_048_576;

/** For a caller to read the last frames before the connection is gone. */
const LINGER_MS = 500;

export interface Http2ServerOptions {
  readonly limits: Limits;
  readonly gate: RequestGate;
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
        // What is too large for us and not for nghttp2 gets a 431 and a record; nghttp2 resets the stream without a word.
        maxHeaderListSize: 2 * limits.maxHeaderBytes,
      },
      // Bounded by the size: a cookie may come in any number of fields, and is one line (RFC 9113 section 8.2.3).
      maxHeaderListPairs: Math.ceil((2 * limits.maxHeaderBytes) / FIELD_OVERHEAD_BYTES),
      ...SESSION_LIMITS,
    });
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    const state = new Http2Connection(connection, session, limits.revokeGraceMs);
    const onFault = (fault: Error): void => connection.fault(fault);
    const onError = (error: NodeJS.ErrnoException): void =>
      connection.end("protocol-error", error.code ?? error.message);
    session.on("error", contain("http2 session-error", onFault, onError));
    session.on("stream", (stream, _headers, flags, raw) => {
      const endStream = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
      const resetStream = (): void => {
        stream.on("error", () => undefined);
        stream.close(NGHTTP2_INTERNAL_ERROR);
        this.#options.gate.refused(connection, undefined, 0, "internal-error");
      };
      contain("http2 stream", resetStream, () =>
        this.#onStream(state, stream, readHttp2Head(raw, endStream, limits.maxHeaderBytes)),
      )();
    });
    destroyAfterEnd(connection);
    destroyAfterFin(connection);
    return state;
  }

  #onStream(state: Http2Connection, stream: ServerHttp2Stream, head: Http2Head): void {
    if (!state.takesRequests) {
      stream.on("error", () => undefined);
      stream.close(NGHTTP2_REFUSED_STREAM);
      return;
    }
    state.opened(stream);
    const { connection } = state;
    const response = new Http2Response(stream, head, connection, () => state.closedStream(stream));
    const upgrade = head.method === "CONNECT" ? this.#extendedConnect(state, stream, head) : undefined;
    const exchange = this.#options.gate.admit({
      connection,
      head: upgrade?.head ?? head,
      fault: head.fault,
      downstream: response,
      ...(upgrade !== undefined && { upgrade: upgrade.caller }),
      onEnd: (ended) => state.exchangeEnded(ended),
    });
    if (exchange === undefined) return;
    state.exchangeBegan(exchange);
    exchange.start();
  }

  /** CONNECT with `:protocol` is HTTP/2's way to ask for a WebSocket (RFC 8441); without it, it is not served. */
  #extendedConnect(
    state: Http2Connection,
    stream: ServerHttp2Stream,
    head: Http2Head,
  ): { readonly head: RequestHead; readonly caller: UpgradeCaller } | undefined {
    if (head.protocol !== "websocket" || head.fault !== undefined) return undefined;
    const onFault = (): void => {
      socket.cut();
      this.#options.gate.refused(state.connection, head, 0, "internal-error");
    };
    const socket = new StreamSocket(stream, onFault);
    return {
      head: { ...head, method: "GET", hasBody: false, lines: withoutKey(head.lines) },
      caller: {
        socket,
        key: newWebSocketKey(),
        first: Buffer.alloc(0),
        onSwitch: () => state.tunnelled(stream),
        // The connection goes on with its other streams.
        idle: () => undefined,
        cut: () => socket.cut(),
        fault: onFault,
      },
    };
  }
}

/** Of the handshake of HTTP/1.1, which is ours: in HTTP/2 they say nothing (RFC 8441 section 5). */
function withoutKey(lines: readonly string[]): readonly string[] {
  return lines.filter((_, index) => !/^sec-websocket-(?:key|accept)$/.test(lines[index - (index % 2)]!));
}

/** Node ends a session with a FIN and waits for the caller's own, which a hostile or forgetful caller never sends. */
function destroyAfterEnd({ socket }: Connection): void {
  socket.once("finish", () => {
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
  });
}

/**
 * A caller that has closed its side can neither flow-control nor cancel a stream: it is gone. Sockets may be half-open here,
 * and Node would keep the session, its streams and the application's work for them.
 */
function destroyAfterFin({ socket }: Connection): void {
  socket.once("end", () => socket.destroy());
}
