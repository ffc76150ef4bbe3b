/** An application that speaks HTTP/1.1: a bounded pool of kept connections, and no more waiting than is good. */
import { Pool, type Dispatcher } from "undici";
import type { Limits, SocketAddress } from "../../../config/config.ts";
import type { ResponseControl, ResponseHandler, Upstream, UpstreamRequest } from "./upstream.ts";

export class Http1Upstream implements Upstream {
  readonly #origin: string;
  readonly #limits: Limits;
  #pool: Pool;
  #inFlight = 0;

  constructor(app: SocketAddress, limits: Limits) {
    const host = app.host.includes(":") ? `[${app.host}]` : app.host;
    this.#origin = `http://${host}:${app.port}`;
    this.#limits = limits;
    this.#pool = this.#createPool();
  }

  get full(): boolean {
    return this.#inFlight >= this.#limits.maxUpstreamConnections + this.#limits.maxQueuedRequests;
  }

  dispatch(request: UpstreamRequest, handler: ResponseHandler): void {
    this.#inFlight += 1;
    this.#pool.dispatch(
      {
        path: request.path,
        method: request.method,
        headers: request.lines,
        body: request.body ?? null,
        // Without it undici gives up the connection after HEAD and after a GET with a body.
        reset: false,
      },
      inUndiciTerms(handler),
    );
  }

  released(): void {
    this.#inFlight -= 1;
  }

  /**
   * A request that undici itself refused counts as a busy connection of its pool for ever. Every head is judged before it
   * gets here, so this is the net below the net.
   */
  failed(error: Error): void {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "UND_ERR_INVALID_ARG" && code !== "UND_ERR_NOT_SUPPORTED") return;
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
      // Deeper pipelining would let one response hold up another's.
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

/** undici gives rawHeaders of HTTP/1.1 as an array, its type is that of every protocol together; trailers it gives as an object. */
function inUndiciTerms(handler: ResponseHandler): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (control) => handler.onRequestStart(control as ResponseControl),
    onResponseStart: (control, status) => handler.onResponseStart(control as ResponseControl, status),
    onResponseData: (control, chunk) => handler.onResponseData(control as ResponseControl, chunk),
    onResponseEnd: (control, trailers) => handler.onResponseEnd(control as ResponseControl, linesOf(trailers)),
    onResponseError: (control, error) => handler.onResponseError(control as ResponseControl | undefined, error),
  };
}

function linesOf(trailers: Readonly<Record<string, string | string[] | undefined>>): string[] {
  const lines: string[] = [];
  for (const [name, values] of Object.entries(trailers))
    for (const value of [values ?? []].flat()) lines.push(name, value);
  return lines;
}
