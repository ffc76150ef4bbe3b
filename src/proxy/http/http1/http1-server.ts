/** HTTP/1.1 towards the caller: Node's own strict parser in a server that never listens, fed with admitted connections. */
import { createServer, ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Limits } from "../../../config/config.ts";
import { contain, type CallbackFault } from "../../forward/boundary.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { HttpConnection } from "../exchange/http-connection.ts";
import type { Downstream, RequestHead } from "../exchange/message.ts";
import type { RequestGate } from "../exchange/request-gate.ts";
import type { UpgradeCaller } from "../upstream/websocket-upgrade.ts";
import { DirectReader } from "./direct-reader.ts";
import { headOf, Http1Response } from "./http1-response.ts";
import { Http1Connection } from "./http1-connection.ts";
import { closeLingering } from "./lingering-close.ts";

/** How often Node looks at the header timeout. */
const CHECK_MS = 1_000;

export interface Http1ServerOptions {
  readonly limits: Limits;
  readonly gate: RequestGate;
  /** Only tests set it, to compare: nothing is read but by Node's server. */
  readonly withoutDirect?: boolean;
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
    const { gate, limits, withoutDirect } = this.#options;
    const state = new Http1Connection(connection, gate, limits.revokeGraceMs);
    if (withoutDirect === true) this.#adopt(state);
    else this.#readDirectly(state, limits);
    return state;
  }

  #readDirectly(state: Http1Connection, limits: Limits): void {
    const reader = new DirectReader(state, {
      limits,
      serve: (head, response) => this.#begin(state, head, response),
      handOver: () => this.#adopt(state),
    });
    state.readBy(reader);
  }

  /** From here on Node's server reads, and ends the connection when it has said all it has to say. */
  #adopt(state: Http1Connection): void {
    const { socket } = state.connection;
    state.readBy(undefined);
    this.#connections.set(socket, state);
    socket.once("close", () => this.#connections.delete(socket));
    const onFault = (fault: CallbackFault): void => state.connection.fault(fault);
    // What Node's server calls behind the last response.
    const destroySoon = socket.destroySoon.bind(socket);
    socket.destroySoon = () => {
      if (state.receiving) closeLingering(socket, onFault);
      else destroySoon();
    };
    socket.once(
      "end",
      contain("http1 caller-end", onFault, () => state.callerEnded()),
    );
    this.#server.emit("connection", socket);
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
    // A caller that sends nothing more may still wait for its responses.
    (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    const onRequest = (request: IncomingMessage, serverResponse: ServerResponse): void =>
      this.#contain("http1 request", request.socket, () => this.#onRequest(request, serverResponse));
    server.on("request", onRequest).on("checkContinue", onRequest).on("checkExpectation", onRequest);
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, first: Buffer) =>
      this.#contain("http1 upgrade", socket, () => this.#onUpgrade(request, socket, first)),
    );
    server.on("connect", (request: IncomingMessage, socket: Duplex) =>
      this.#contain("http1 connect", socket, () => this.#onConnect(request, socket)),
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) =>
      this.#contain("http1 client-error", socket, () => this.#onClientError(error, socket)),
    );
    // A server that never listens starts its header timers only when it is told that it does.
    server.emit("listening");
    return server;
  }

  /** The server's events belong to no exchange yet: what they throw ends their connection. */
  #contain(name: string, socket: Duplex, step: () => void): void {
    const onFault = (fault: CallbackFault): void => {
      const state = this.#connections.get(socket);
      if (state === undefined) socket.destroy();
      else state.connection.fault(fault);
    };
    contain(name, onFault, step)();
  }

  #onConnect(request: IncomingMessage, socket: Duplex): void {
    const state = this.#connections.get(socket);
    if (state === undefined) {
      socket.destroy();
      return;
    }
    // Node has let go of the socket, and with it of the responses in front.
    if (state.busy) {
      state.connection.end("protocol-error", "CONNECT behind another request");
      state.connection.reset();
      return;
    }
    socket.resume();
    if (!state.takesRequests()) return;
    state.connection.requestBegan();
    state.refuseUnreadable(405, "CONNECT is not served", headOf(request));
  }

  #onRequest(request: IncomingMessage, serverResponse: ServerResponse): void {
    const state = this.#connections.get(request.socket);
    // A connection that has lost its right, or was told to end, forwards nothing more, pipelined requests included.
    if (state === undefined || !state.takesRequests()) return;
    this.#serve(state, request, serverResponse);
  }

  #serve(
    state: Http1Connection,
    request: IncomingMessage,
    serverResponse: ServerResponse,
    upgrade?: UpgradeCaller,
  ): void {
    const response = new Http1Response(state, request, serverResponse);
    state.owes(response);
    if (upgrade !== undefined) response.last();
    this.#begin(state, headOf(request), response, upgrade);
  }

  #begin(state: Http1Connection, head: RequestHead, response: Downstream, upgrade?: UpgradeCaller): void {
    const exchange = this.#options.gate.admit({
      connection: state.connection,
      head,
      downstream: response,
      ...(upgrade !== undefined && { upgrade }),
      onEnd: (ended) => state.exchangeEnded(ended),
    });
    if (exchange === undefined) return;
    state.exchangeBegan(exchange);
    exchange.start();
  }

  /** Node has let go of the socket: the response to an upgrade that is refused is the last one on it. */
  #onUpgrade(request: IncomingMessage, socket: Duplex, first: Buffer): void {
    const state = this.#connections.get(socket);
    if (state === undefined || state.busy || !state.takesRequests()) {
      // A response in front of it is cut, which must not look like its end.
      if (state?.busy === true) state.connection.reset();
      else socket.destroy();
      return;
    }
    const serverResponse = responseOn(request, state.connection.socket);
    this.#serve(state, request, serverResponse, {
      socket,
      first,
      onSwitch: () => {
        serverResponse.detachSocket(state.connection.socket);
        state.tunnelled();
      },
      idle: () => state.connection.end("idle-timeout"),
      cut: () => state.connection.reset(),
      fault: (fault) => state.connection.fault(fault),
    });
  }

  /** What Node's parser refuses, and header timeouts. A response that is still owed goes out first. */
  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const state = this.#connections.get(socket);
    if (
      state === undefined ||
      error.code === "ECONNRESET" ||
      error.code === "EPIPE" ||
      (!socket.writable && !state.refusing)
    ) {
      socket.destroy();
      return;
    }
    // What it still sends is not looked at any more.
    if (state.refusing) return;
    const [status, reason] = statusOf(error.code);
    state.connection.end("protocol-error", error.code ?? error.message);
    state.refuseUnreadable(status, reason);
  }
}

/** True for the one upgrade that is carried. */
function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return (
    request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket" && request.httpVersion === "1.1"
  );
}

/** For a request that Node's server has no response for. */
function responseOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(socket);
  response.once("finish", () => {
    response.detachSocket(socket);
    response.emit("close");
  });
  return response;
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
