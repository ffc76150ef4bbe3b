/**
 * An application that speaks HTTP/2 without TLS (h2c with prior knowledge): gRPC above all. Few connections with many
 * streams, by Node's own client: undici's drops request trailers and reset codes.
 */
import type { Limits, SocketAddress } from "../../../config/config.ts";
import { SessionPool } from "./http2-pool.ts";
import { Http2Request } from "./http2-request.ts";
import type { ResponseHandler, Upstream, UpstreamRequest } from "./upstream.ts";

export class Http2Upstream implements Upstream {
  readonly #pool: SessionPool;
  readonly #limits: Limits;
  #inFlight = 0;

  constructor(app: SocketAddress, limits: Limits) {
    this.#pool = new SessionPool(app, limits);
    this.#limits = limits;
  }

  get full(): boolean {
    return this.#inFlight >= this.#pool.capacity + this.#limits.maxQueuedRequests;
  }

  dispatch(request: UpstreamRequest, handler: ResponseHandler): void {
    this.#inFlight += 1;
    new Http2Request(request, handler, this.#pool, this.#limits.responseIdleTimeoutMs).begin();
  }

  released(): void {
    this.#inFlight -= 1;
  }

  close(): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }
}
