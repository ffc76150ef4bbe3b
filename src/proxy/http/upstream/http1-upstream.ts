/** An application that speaks HTTP/1.1: a bounded pool of kept connections, and a bounded queue for them. */
import type { Limits, SocketAddress } from "../../../config/config.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { Http1Request } from "./http1-request.ts";
import type { ResponseHandler, Upstream, UpstreamRequest } from "./upstream.ts";

export class Http1Upstream implements Upstream {
  readonly #pool: ConnectionPool;
  readonly #most: number;
  #inFlight = 0;

  constructor(app: SocketAddress, limits: Limits) {
    this.#pool = new ConnectionPool(app, limits);
    this.#most = limits.maxUpstreamConnections + limits.maxQueuedRequests;
  }

  get full(): boolean {
    return this.#inFlight >= this.#most;
  }

  dispatch(request: UpstreamRequest, handler: ResponseHandler): () => void {
    new Http1Request(request, handler, this.#pool).begin();
    this.#inFlight += 1;
    return this.#release;
  }

  /** One for all: a request costs no closure. */
  readonly #release = (): void => {
    this.#inFlight -= 1;
  };
}
