/**
 * An application that speaks HTTP/2 without TLS (h2c with prior knowledge): gRPC above all. Few connections, many
 * streams; Node's own client, because undici's drops request trailers and reset codes.
 */
import type { Limits, SocketAddress } from "../../../config/config.ts";
import { Http2Request } from "./http2-request.ts";
import { STREAMS_PER_SESSION, UpstreamSession } from "./http2-session.ts";
import type { ResponseHandler, Upstream, UpstreamRequest } from "./upstream.ts";

export class Http2Upstream implements Upstream {
  readonly #origin: string;
  readonly #limits: Limits;
  readonly #sessions = new Set<UpstreamSession>();
  #inFlight = 0;

  constructor(app: SocketAddress, limits: Limits) {
    const host = app.host.includes(":") ? `[${app.host}]` : app.host;
    this.#origin = `http://${host}:${app.port}`;
    this.#limits = limits;
  }

  get full(): boolean {
    return this.#inFlight >= this.#limits.maxUpstreamConnections * STREAMS_PER_SESSION;
  }

  dispatch(request: UpstreamRequest, handler: ResponseHandler): void {
    this.#inFlight += 1;
    const session = this.#pick();
    new Http2Request(request, handler, this.#limits.responseIdleTimeoutMs).send(session);
  }

  released(): void {
    this.#inFlight -= 1;
  }

  failed(): void {}

  close(): Promise<void> {
    for (const session of this.#sessions) session.end();
    return Promise.resolve();
  }

  #pick(): UpstreamSession {
    for (const session of this.#sessions) if (session.hasRoom) return session;
    const session = new UpstreamSession(this.#origin, this.#limits, () => this.#sessions.delete(session));
    this.#sessions.add(session);
    return session;
  }
}
