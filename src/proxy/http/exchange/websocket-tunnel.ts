/**
 * WebSocket upgrades, by http-proxy's `ws` and nothing else of it: its handling of plain requests can be smuggled through
 * (CVE-2026-29057). Its known gaps are closed around it: it strips no header, forgets the application's side when the
 * caller goes, and has no time limit.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import httpProxy from "http-proxy";
import type { BackendConfig, Limits } from "../../../config/config.ts";
import type { UpstreamHeaders } from "./headers.ts";

/** Headers of the WebSocket handshake that are hop-by-hop, and have to be said again (RFC 6455 section 4.1). */
const HANDSHAKE = ["connection", "Upgrade", "upgrade", "websocket"];

export interface UpgradeEvents {
  /** The application switched protocols, or did not and the connection is over. `status` is 101 or 0. */
  readonly onStart: (status: number) => void;
  /** The application could not be reached or broke off before it answered. */
  readonly onFailure: (error: NodeJS.ErrnoException) => void;
}

/** True for the one upgrade that is carried. */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return (
    request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket" && request.httpVersion === "1.1"
  );
}

export class WebSocketTunnel {
  readonly #proxy: httpProxy;
  readonly #connectTimeoutMs: number;

  constructor(backend: BackendConfig, limits: Limits) {
    const { host, port } = backend.app;
    this.#connectTimeoutMs = limits.connectTimeoutMs;
    this.#proxy = httpProxy.createProxyServer({
      target: { host, port, protocol: "http:" },
      changeOrigin: false,
      xfwd: false,
    });
    this.#proxy.on("proxyReqWs", (upstream, request) => this.#guard(upstream, request));
  }

  /**
   * @param request what http-proxy reads: it is given our lines, not the caller's
   * @param socket the caller's side, which gets the application's response as it is written in HTTP/1.1
   * @param first bytes that came behind the request's head: they belong to the tunnel
   */
  carry(
    request: IncomingMessage,
    socket: Duplex,
    first: Buffer,
    path: string,
    headers: UpstreamHeaders,
    events: UpgradeEvents,
  ): void {
    request.url = path;
    const lines = [...headers.lines, ...HANDSHAKE];
    request.rawHeaders = lines;
    request.headers = joinLines(lines);
    carried.set(request, { socket, events });
    socket.on("error", () => undefined);
    this.#proxy.ws(request, socket, first, {}, (error: NodeJS.ErrnoException) => events.onFailure(error));
  }

  close(): void {
    this.#proxy.close();
  }

  #guard(upstream: ClientRequest, request: IncomingMessage): void {
    const tunnel = carried.get(request);
    if (tunnel === undefined) return;
    const { socket: downstream, events } = tunnel;
    upstream.setTimeout(this.#connectTimeoutMs, () =>
      upstream.destroy(Object.assign(new Error("application did not answer the upgrade"), { code: "ETIMEDOUT" })),
    );
    upstream.once("upgrade", (_response: IncomingMessage, socket: Socket) => {
      socket.setTimeout(0);
      socket.once("close", () => downstream.destroy());
      downstream.once("close", () => socket.destroy());
      events.onStart(101);
    });
    upstream.once("response", (response: IncomingMessage) => events.onStart(response.statusCode ?? 0));
    downstream.once("close", () => upstream.destroy());
  }
}

interface Carried {
  readonly socket: Duplex;
  readonly events: UpgradeEvents;
}

const carried = new WeakMap<IncomingMessage, Carried>();

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
