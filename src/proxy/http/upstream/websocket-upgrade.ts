/**
 * WebSocket upgrades, by http-proxy's `ws` and nothing else of it: its handling of plain requests can be smuggled through
 * (CVE-2026-29057). http-proxy asks for the upgrade and carries the tunnel after a 101. A refused upgrade is an ordinary
 * response and goes the way of every other one. Its gaps are closed around it: it strips no header, rewrites the target,
 * loses what is under way when one side closes, and has no time limit.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import httpProxy from "http-proxy";
import type { BackendConfig, Limits } from "../../../config/config.ts";
import { contain, type OnFault } from "../../forward/boundary.ts";
import { UpstreamError } from "./failure.ts";
import { TunnelSockets } from "./tunnel-sockets.ts";
import type { ResponseControl, ResponseHandler, Upstream, UpstreamRequest } from "./upstream.ts";
import { webSocketAccept } from "./websocket-key.ts";

/** Lines of the WebSocket handshake that are hop-by-hop, and have to be said again (RFC 6455 section 4.1). */
const HANDSHAKE = ["connection", "Upgrade", "upgrade", "websocket"];

/** The caller's side of an upgrade. */
export interface UpgradeCaller {
  /** What http-proxy pipes: it is written the 101 as HTTP/1.1, then the tunnel's bytes. */
  readonly socket: Duplex;
  /** Bytes that came behind the request's head: they belong to the tunnel. */
  readonly first: Buffer;
  /**
   * Of the handshake, where the caller's version of HTTP has none: then nobody but us can check what the application says to
   * it, and a 2xx would tell that caller that the WebSocket stands (RFC 8441 section 5).
   */
  readonly key?: string;
  /** The application switched protocols. Comes before the 101 is written to `socket`. */
  readonly onSwitch: () => void;
  /** Says that the tunnel ends because nobody used it. A cut follows. */
  readonly idle: () => void;
  /** Cuts the caller's side, so that the cut cannot pass for the tunnel's end. */
  readonly cut: () => void;
  /** A callback of the tunnel threw: cuts the caller's side, with a record. */
  readonly fault: OnFault;
}

/** What http-proxy reads of a request. */
interface ProxiedRequest {
  readonly method: "GET";
  readonly httpVersion: "1.1";
  readonly httpVersionMajor: 1;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
}

/** http-proxy for one backend. */
export class WebSocketProxy {
  readonly #proxy: httpProxy;
  readonly #limits: Limits;
  readonly #upgrades = new WeakMap<object, (request: ClientRequest) => void>();

  constructor(backend: BackendConfig, limits: Limits) {
    const { host, port } = backend.app;
    this.#limits = limits;
    this.#proxy = httpProxy.createProxyServer({
      target: { host, port, protocol: "http:" },
      changeOrigin: false,
      xfwd: false,
    });
    // Told before http-proxy listens to the request itself: what is done here comes first.
    this.#proxy.on("proxyReqWs", (upstream, request) => this.#upgrades.get(request)?.(upstream));
  }

  /** An upstream for the one request that asks for the upgrade. */
  upstreamFor(caller: UpgradeCaller): Upstream {
    return {
      full: false,
      dispatch: (request, handler) => {
        this.#dispatch(request, handler, caller);
        return () => undefined;
      },
    };
  }

  #dispatch(request: UpstreamRequest, handler: ResponseHandler, caller: UpgradeCaller): void {
    const key = caller.key === undefined ? [] : ["Sec-WebSocket-Key", caller.key];
    const lines = [...request.lines, ...key, ...HANDSHAKE];
    const proxied: ProxiedRequest = {
      method: "GET",
      httpVersion: "1.1",
      httpVersionMajor: 1,
      url: "/",
      headers: joinLines(lines),
      rawHeaders: lines,
    };
    const upgrade = new Upgrade(handler, caller, this.#limits);
    this.#upgrades.set(proxied, (upstream) => {
      // http-proxy takes the target through url.parse(), which rewrites it.
      upstream.path = request.path;
      upgrade.begin(upstream);
    });
    this.#proxy.ws(proxied as unknown as IncomingMessage, caller.socket, caller.first, {}, (error: Error) =>
      upgrade.failed(error),
    );
    upgrade.takeOver();
  }
}

/** One handshake, told to its handler as a request is; after a 101 its tunnel. */
class Upgrade implements ResponseControl {
  readonly #handler: ResponseHandler;
  readonly #caller: UpgradeCaller;
  readonly #limits: Limits;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #tunnel: TunnelSockets | undefined;
  #ended = false;
  rawHeaders: readonly string[] = [];

  constructor(handler: ResponseHandler, caller: UpgradeCaller, limits: Limits) {
    this.#handler = handler;
    this.#caller = caller;
    this.#limits = limits;
  }

  begin(request: ClientRequest): void {
    this.#request = request;
    this.#limitTime(request);
    request.on("error", (error) => this.failed(error));
    this.#handler.onRequestStart(this);
  }

  /** From http-proxy, which would write a refusal and every 101 to the caller past everything that watches responses. */
  takeOver(): void {
    const request = this.#request;
    if (request === undefined) return;
    request.removeAllListeners("response");
    request.once(
      "response",
      this.#contain("response", (response: IncomingMessage) => this.#onResponse(response)),
    );
    const carryTunnel = request.listeners("upgrade");
    request.removeAllListeners("upgrade");
    const onUpgrade = (response: IncomingMessage, socket: Duplex, first: Buffer): void => {
      if (!this.#mayTunnel(response, socket)) return;
      for (const carry of carryTunnel) Reflect.apply(carry, request, [response, socket, first]);
      this.#tunnel?.limitIdle();
    };
    request.once("upgrade", this.#contain("switch", onUpgrade));
  }

  abort(reason: Error): void {
    this.#ended = true;
    this.#request?.destroy(reason);
    this.#tunnel?.cut();
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  /** Before the handshake's end a failed request; after it a broken tunnel. */
  failed(error: Error): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.cut();
      return;
    }
    if (this.#ended) return;
    this.#ended = true;
    this.#handler.onResponseError(this, error);
  }

  /** To connect as long as any connection may take; for the response as long as any response. */
  #limitTime(request: ClientRequest): void {
    const late = (code: string): void => {
      request.destroy(Object.assign(new Error("no response to the upgrade in time"), { code }));
    };
    const { connectTimeoutMs, responseIdleTimeoutMs } = this.#limits;
    const connecting = setTimeout(
      this.#contain("connect-timeout", () => late("ETIMEDOUT")),
      connectTimeoutMs,
    );
    request.once("socket", (socket) => {
      if (socket.connecting) socket.once("connect", () => clearTimeout(connecting));
      else clearTimeout(connecting);
    });
    request.once("close", () => clearTimeout(connecting));
    if (responseIdleTimeoutMs > 0) {
      request.setTimeout(
        responseIdleTimeoutMs,
        this.#contain("response-timeout", () => late("RESPONSE_TIMEOUT")),
      );
    }
  }

  #onResponse(response: IncomingMessage): void {
    const { statusCode = 0 } = response;
    if (this.#caller.key !== undefined && statusCode >= 200 && statusCode < 300) {
      this.failed(new UpstreamError("INVALID_RESPONSE", `no switch to WebSocket, but status ${statusCode}`));
      this.#request?.destroy();
      return;
    }
    this.#response = response;
    this.rawHeaders = response.rawHeaders;
    response.on(
      "data",
      this.#contain("data", (chunk: Buffer) => {
        // Node gives what came before a fault behind it.
        if (!this.#ended) this.#handler.onResponseData(this, chunk);
      }),
    );
    response.once("error", (error) => this.failed(error));
    response.once(
      "end",
      this.#contain("end", () => this.#onEnd(response)),
    );
    this.#handler.onResponseStart(this, statusCode);
  }

  #onEnd(response: IncomingMessage): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handler.onResponseEnd(this, response.rawTrailers);
  }

  #mayTunnel(response: IncomingMessage, socket: Duplex): boolean {
    const { statusCode, headers, rawHeaders } = response;
    if (this.#ended || statusCode !== 101 || headers.upgrade?.trim().toLowerCase() !== "websocket") {
      socket.destroy();
      this.failed(new Error(`switch to ${headers.upgrade} with status ${statusCode}`));
      return false;
    }
    const { key } = this.#caller;
    if (key !== undefined && headers["sec-websocket-accept"] !== webSocketAccept(key)) {
      socket.destroy();
      this.failed(new UpstreamError("INVALID_RESPONSE", "Sec-WebSocket-Accept is not what the key asks for"));
      return false;
    }
    // What http-proxy writes them from: Node's own object joins repeated lines.
    response.headers = switchLines(rawHeaders);
    this.#caller.socket.setDefaultEncoding("latin1");
    this.#ended = true;
    this.#request?.setTimeout(0);
    this.#tunnel = new TunnelSockets(socket, this.#caller, this.#limits.idleTimeoutMs);
    this.#handler.onSwitch();
    // Cut at once where the handler failed.
    if (this.#tunnel.over) return false;
    this.#caller.onSwitch();
    return true;
  }

  #contain<Args extends readonly unknown[]>(name: string, callback: (...args: Args) => void): (...args: Args) => void {
    return contain(`upgrade ${name}`, (fault) => this.failed(fault), callback);
  }
}

/** Lines of a 101, an array for each name; what is for the application's hop alone is left out. */
function switchLines(raw: readonly string[]): Record<string, string[]> {
  const lines: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  const hop = new Set([
    "connection",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
  ]);
  for (let index = 0; index < raw.length; index += 2)
    if (raw[index]!.toLowerCase() === "connection")
      for (const token of raw[index + 1]!.split(",")) hop.add(token.trim().toLowerCase());
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    if (!hop.has(name)) (lines[name] ??= []).push(raw[index + 1]!);
  }
  return { ...lines, connection: ["Upgrade"], upgrade: ["websocket"] };
}

/** As Node's own parser joins repeated lines. */
function joinLines(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let index = 0; index < lines.length; index += 2) {
    const name = lines[index]!.toLowerCase();
    const value = lines[index + 1]!;
    const former = headers[name];
    headers[name] = former === undefined ? value : `${former}${name === "cookie" ? "; " : ", "}${value}`;
  }
  return headers;
}
