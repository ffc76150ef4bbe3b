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
import { Http2Request } from "./http2-request.ts";
import type { ResponseHandler, Upstream, UpstreamRequest } from "./upstream.ts";

/** How long an application that does not speak HTTP/2 is not asked by it again; another one may have taken its place then. */
const OTHER_MS = 60_000;

export class Http2Upstream implements Upstream {
  readonly #pool: SessionPool;
  readonly #limits: Limits;
  readonly #http1: Upstream | undefined;
  #otherUntilMs = -Infinity;
  #inFlight = 0;
  /** Requests in flight at `http1`. */
  #others = 0;

  /** @param http1 of the same application; absent: it is known to speak HTTP/2 */
  constructor(app: SocketAddress, limits: Limits, http1?: Upstream) {
    this.#pool = new SessionPool(app, limits);
    this.#limits = limits;
    this.#http1 = http1;
  }

  get full(): boolean {
    if (this.#isOther) return this.#http1?.full === true;
    return this.#inFlight >= this.#pool.capacity + this.#limits.maxQueuedRequests;
  }

  dispatch(request: UpstreamRequest, handler: ResponseHandler): void {
    const http1 = this.#http1;
    if (http1 !== undefined && this.#isOther) {
      this.#byHttp1(http1, request, handler);
      return;
    }
    this.#inFlight += 1;
    const onOther = (unsent: UpstreamRequest, itsHandler: ResponseHandler): void => {
      if (http1 === undefined) return;
      this.#otherUntilMs = performance.now() + OTHER_MS;
      this.#inFlight -= 1;
      this.#byHttp1(http1, unsent, itsHandler);
    };
    const { responseIdleTimeoutMs } = this.#limits;
    new Http2Request(request, handler, this.#pool, responseIdleTimeoutMs, http1 && onOther).begin();
  }

  /** Which of both it was does not matter: each is told as often as it was asked. */
  released(): void {
    if (this.#others > 0) {
      this.#others -= 1;
      this.#http1?.released();
    } else this.#inFlight -= 1;
  }

  get #isOther(): boolean {
    return performance.now() < this.#otherUntilMs;
  }

  #byHttp1(http1: Upstream, request: UpstreamRequest, handler: ResponseHandler): void {
    this.#others += 1;
    http1.dispatch({ ...request, lines: withoutTe(request.lines) }, handler);
  }
}

/** Over HTTP/1.1 it is for one hop only (RFC 9110 section 10.1.4). */
function withoutTe(lines: readonly string[]): string[] {
  return lines.filter((_, index) => lines[index - (index % 2)]!.toLowerCase() !== "te");
}
