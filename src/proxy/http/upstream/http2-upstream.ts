/**
 * An application that speaks HTTP/2 without TLS (h2c with prior knowledge): gRPC above all. Few connections with many
 * streams, by Node's own client: undici's drops request trailers and reset codes.
 *
 * Where nobody has said that it does, one that answers in another protocol is asked by HTTP/1.1: the preface was made so that
 * such a server does nothing by it (RFC 9113 section 3.4).
 */
import { performance } from "node:perf_hooks";
import type { Limits, SocketAddress } from "../../../config/config.ts";
import { SessionPool } from "./http2-pool.ts";
import { Http2Request, type OnHttp1 } from "./http2-request.ts";
import type { ResponseHandler, Upstream, UpstreamRequest } from "./upstream.ts";

/** How long an application that speaks HTTP/1.1 alone is not asked by HTTP/2 again; another one may have taken its place then. */
const HTTP1_MEMORY_MS = 60_000;

export class Http2Upstream implements Upstream {
  readonly #pool: SessionPool;
  readonly #limits: Limits;
  readonly #http1: Upstream | undefined;
  #http1UntilMs = -Infinity;
  /** By HTTP/2. */
  #inFlight = 0;

  /** @param http1 of the same application; absent: it is known to speak HTTP/2 */
  constructor(app: SocketAddress, limits: Limits, http1?: Upstream) {
    this.#pool = new SessionPool(app, limits);
    this.#limits = limits;
    this.#http1 = http1;
  }

  get full(): boolean {
    if (this.#http1 !== undefined && this.#speaksHttp1) return this.#http1.full;
    return this.#inFlight >= this.#pool.capacity + this.#limits.maxQueuedRequests;
  }

  dispatch(request: UpstreamRequest, handler: ResponseHandler): () => void {
    const http1 = this.#http1;
    if (http1 === undefined) {
      this.#byHttp2(request, handler);
      return this.#release;
    }
    if (this.#speaksHttp1) return byHttp1(http1, request, handler);
    // Its place is where it is sent in the end.
    let release = this.#release;
    this.#byHttp2(request, handler, (unsent, itsHandler) => {
      this.#http1UntilMs = performance.now() + HTTP1_MEMORY_MS;
      release();
      release = byHttp1(http1, unsent, itsHandler);
    });
    return () => release();
  }

  readonly #release = (): void => {
    this.#inFlight -= 1;
  };

  get #speaksHttp1(): boolean {
    return performance.now() < this.#http1UntilMs;
  }

  #byHttp2(request: UpstreamRequest, handler: ResponseHandler, onHttp1?: OnHttp1): void {
    new Http2Request(request, handler, this.#pool, this.#limits.responseIdleTimeoutMs, onHttp1).begin();
    this.#inFlight += 1;
  }
}

function byHttp1(http1: Upstream, request: UpstreamRequest, handler: ResponseHandler): () => void {
  return http1.dispatch({ ...request, lines: withoutTe(request.lines) }, handler);
}

/** Over HTTP/1.1 it is for one hop only (RFC 9110 section 10.1.4). */
function withoutTe(lines: readonly string[]): string[] {
  return lines.filter((_, index) => lines[index - (index % 2)]!.toLowerCase() !== "te");
}
