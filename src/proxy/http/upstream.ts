/** The application's side of `http` forwarding: a bounded pool of kept connections, and no more waiting than is good. */
import { Pool, type Dispatcher } from "undici";
import type { BackendConfig, Limits } from "../../config/config.ts";

/** What came between a request and its answer. */
export interface UpstreamFailure {
  readonly status: 502 | 503 | 504;
  /** One line for humans. */
  readonly reason: string;
  /** Closed set, for records and metrics. */
  readonly code: "upstream-unreachable" | "upstream-timeout" | "upstream-reset" | "upstream-invalid" | "upstream-busy";
  readonly detail: string;
}

export class Upstream {
  readonly #origin: string;
  readonly #limits: Limits;
  #pool: Pool;
  #inFlight = 0;

  constructor(backend: BackendConfig, limits: Limits) {
    const host = backend.app.host.includes(":") ? `[${backend.app.host}]` : backend.app.host;
    this.#origin = `http://${host}:${backend.app.port}`;
    this.#limits = limits;
    this.#pool = this.#createPool();
  }

  /** True when one more request would have to wait behind too many others: it is better refused now. */
  get full(): boolean {
    return this.#inFlight >= this.#limits.maxUpstreamConnections + this.#limits.maxQueuedRequests;
  }

  /** `released()` must follow when the exchange is over. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#inFlight += 1;
    this.#pool.dispatch(options, handler);
  }

  released(): void {
    this.#inFlight -= 1;
  }

  /**
   * For a request that undici itself refused: its pool counts that as a busy connection for ever. Every head is judged
   * before it gets here, so this is the net below the net.
   */
  recycle(): void {
    const wedged = this.#pool;
    this.#pool = this.#createPool();
    void wedged.close();
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  #createPool(): Pool {
    const { maxUpstreamConnections, connectTimeoutMs, responseIdleTimeoutMs, upstreamKeepAliveMs, maxHeaderBytes } =
      this.#limits;
    return new Pool(this.#origin, {
      connections: maxUpstreamConnections,
      // Deeper pipelining would let one answer hold up another's.
      pipelining: 1,
      connect: { timeout: connectTimeoutMs, noDelay: true },
      headersTimeout: responseIdleTimeoutMs,
      bodyTimeout: responseIdleTimeoutMs,
      keepAliveTimeout: upstreamKeepAliveMs,
      keepAliveMaxTimeout: upstreamKeepAliveMs,
      maxHeaderSize: maxHeaderBytes,
      allowH2: false,
    });
  }
}

/** undici's and Node's errors in our words. */
export function classifyFailure(error: Error): UpstreamFailure {
  const { code = error.name, message } = error as NodeJS.ErrnoException;
  const detail = `${code}: ${message}`;
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
    case "EMFILE":
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return { status: 503, reason: "the application cannot be reached", code: "upstream-unreachable", detail };
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return { status: 504, reason: "stream timeout", code: "upstream-timeout", detail };
    case "UND_ERR_SOCKET":
    case "ECONNRESET":
    case "EPIPE":
      return { status: 502, reason: "the application closed the connection", code: "upstream-reset", detail };
    default:
      return { status: 502, reason: "the application gave an invalid answer", code: "upstream-invalid", detail };
  }
}

/** Refused by undici before anything was sent: the pool is wedged now. */
export function wasRefusedUnsent(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED";
}
