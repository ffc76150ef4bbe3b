/**
 * One request to an application over HTTP/2, on one stream or, where the application left that unprocessed, or broke the
 * connection of it by another, on a second one.
 */
import { constants, type ClientHttp2Stream } from "node:http2";
import { performance } from "node:perf_hooks";
import { contain } from "../../forward/boundary.ts";
import { isBrokenHttp2, UpstreamError } from "./failure.ts";
import { Http2Body } from "./http2-body.ts";
import type { SessionPool, WaitingRequest } from "./http2-pool.ts";
import type { UpstreamSession } from "./http2-session.ts";
import { IDEMPOTENT } from "./idempotent.ts";
import type { ResponseControl, ResponseHandler, Trailers, UpstreamRequest } from "./upstream.ts";

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_REFUSED_STREAM } = constants;

/** An application that replaces its connections often may leave the second attempt unprocessed too. */
const MOST_REPEATS = 2;

/** Takes over a request of which nothing was sent, and whose body was not touched. */
export type OnHttp1 = (request: UpstreamRequest, handler: ResponseHandler) => void;

export class Http2Request implements ResponseControl, WaitingRequest {
  readonly #request: UpstreamRequest;
  readonly #handler: ResponseHandler;
  readonly #pool: SessionPool;
  /** Silence of the application; zero: as long as it likes. */
  readonly #idleTimeoutMs: number;
  /** Absent: the application is known to speak HTTP/2. */
  readonly #onHttp1: OnHttp1 | undefined;
  readonly #body: Http2Body | undefined;
  #stream: ClientHttp2Stream | undefined;
  #trailers: Trailers = [];
  #repeats = 0;
  #heard = false;
  #paused = false;
  #activeAtMs = 0;
  #over = false;
  rawHeaders: readonly string[] = [];
  bodyless = false;

  constructor(
    request: UpstreamRequest,
    handler: ResponseHandler,
    pool: SessionPool,
    idleTimeoutMs: number,
    onHttp1?: OnHttp1,
  ) {
    this.#onHttp1 = onHttp1;
    this.#request = request;
    this.#handler = handler;
    this.#pool = pool;
    this.#idleTimeoutMs = idleTimeoutMs;
    if (request.body === undefined) return;
    this.#body = new Http2Body(request.body, {
      onFailed: (error) => this.fault(error),
      onSent: () => (this.#activeAtMs = performance.now()),
      onFault: this.fault,
    });
  }

  begin(): void {
    this.#handler.onRequestStart(this);
    if (!this.#over) this.#pool.take(this);
  }

  sendOn(session: UpstreamSession): void {
    const stream = session.open(this, headersOf(this.#request), this.#body === undefined);
    this.#stream = stream;
    this.#activeAtMs = performance.now();
    this.#listen(stream, session);
    this.#body?.sendOn(stream);
  }

  onUnreachable(error: Error): void {
    const isHttp1 = error instanceof UpstreamError && error.code === "NOT_HTTP2";
    if (!isHttp1 || this.#onHttp1 === undefined || this.#over || this.#repeats > 0) return this.#fail(error);
    this.#over = true;
    this.#onHttp1(this.#request, this.#handler);
  }

  abort(reason: Error): void {
    this.fault(reason);
  }

  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#activeAtMs = performance.now();
    this.#stream?.resume();
  }

  enforceLimits(nowMs: number): void {
    const isDue = this.#idleTimeoutMs > 0 && nowMs - this.#activeAtMs >= this.#idleTimeoutMs;
    // While the caller still sends or does not read, silence is not the application's fault.
    if (isDue && this.#body?.sent !== false && !this.#paused)
      this.fault(new UpstreamError("RESPONSE_TIMEOUT", "no byte of the response in time"));
  }

  /** Gives the request up. A property, because it is handed to every boundary. */
  readonly fault = (error: Error): void => {
    if (this.#over) return;
    this.#pool.forget(this);
    this.#stream?.close(NGHTTP2_CANCEL);
    this.#fail(error);
  };

  #listen(stream: ClientHttp2Stream, session: UpstreamSession): void {
    let error: Error | undefined;
    let isWhole = false;
    // A reset without an error ends a stream in Node as its last frame does: they differ in what comes first.
    const push = stream.push.bind(stream);
    stream.push = (chunk, encoding) => {
      if (chunk === null && !stream.closed) isWhole = true;
      return push(chunk, encoding);
    };
    stream.on(
      "headers",
      contain("h2c headers", this.fault, (_headers, _flags, raw) => this.#onHead(raw, false)),
    );
    stream.on(
      "response",
      contain("h2c response", this.fault, (_headers, flags, raw) =>
        this.#onHead(raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0),
      ),
    );
    stream.on(
      "trailers",
      contain("h2c trailers", this.fault, (_trailers, _flags, raw) => (this.#trailers = raw)),
    );
    stream.on(
      "data",
      contain("h2c data", this.fault, (chunk: Buffer) => this.#onData(chunk)),
    );
    const onEnd = (): void => {
      if (isWhole) this.#onWhole(stream);
    };
    stream.once("end", contain("h2c end", this.fault, onEnd));
    stream.on("error", (cause) => (error ??= cause));
    const onClose = (): void => {
      session.over(this);
      if (isWhole) this.#takeRest(stream);
      else this.#onLost(stream, session, error);
    };
    stream.once("close", contain("h2c close", this.fault, onClose));
  }

  #onHead(raw: readonly string[], bodyless: boolean): void {
    if (this.#over) return;
    this.#heard = true;
    this.#body?.forget();
    this.#activeAtMs = performance.now();
    this.rawHeaders = raw;
    this.bodyless = bodyless;
    this.#handler.onResponseStart(this, Number(raw[raw.indexOf(":status") + 1]));
  }

  #onData(chunk: Buffer): void {
    if (this.#over) return;
    this.#activeAtMs = performance.now();
    this.#handler.onResponseData(this, chunk);
  }

  /** The response is complete, whatever became of the upload: what is missing of that is not wanted any more. */
  #onWhole(stream: ClientHttp2Stream): void {
    if (this.#over) return;
    if (this.#body?.sent === false) stream.close(NGHTTP2_CANCEL);
    this.#finish();
    this.#handler.onResponseEnd(this, this.#trailers);
  }

  /** All of the response was here, and not yet read, when the connection was lost. */
  #takeRest(stream: ClientHttp2Stream): void {
    for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null)
      this.#onData(chunk);
    this.#onWhole(stream);
  }

  #onLost(stream: ClientHttp2Stream, session: UpstreamSession, error: Error | undefined): void {
    if (this.#over) return;
    const wasRefused = stream.rstCode === NGHTTP2_REFUSED_STREAM || session.leftUnprocessed(stream.id);
    if ((wasRefused && this.#mayRepeat()) || (isBrokenHttp2(error) && this.#mayRepeatProcessed())) {
      this.#repeats += 1;
      this.#stream = undefined;
      this.#body?.detach();
      this.#pool.take(this);
      return;
    }
    // A stream that ends with its connection knows only that; the connection knows why.
    this.#fail(
      session.error ??
        (error?.cause as Error | undefined) ??
        error ??
        new UpstreamError("CLOSED_EARLY", `stream reset with code ${stream.rstCode}`),
    );
  }

  /** Any request that the application left unprocessed may be repeated, whatever its method (RFC 9113 section 8.7). */
  #mayRepeat(): boolean {
    return this.#repeats < MOST_REPEATS && !this.#heard && this.#body?.repeatable !== false;
  }

  /** The application may have acted on it: once, and only where a repetition changes nothing. */
  #mayRepeatProcessed(): boolean {
    return this.#repeats === 0 && !this.#heard && this.#body === undefined && IDEMPOTENT.has(this.#request.method);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#finish();
    this.#handler.onResponseError(this, error);
  }

  #finish(): void {
    this.#over = true;
    this.#body?.stop();
  }
}

/** Pseudo-headers first; names in lower case (RFC 9113 section 8.2). `host` becomes `:authority`. */
function headersOf({ method, path, lines }: UpstreamRequest): readonly string[] {
  const headers: string[] = [];
  let authority = "localhost";
  for (let index = 0; index < lines.length; index += 2) {
    const name = lines[index]!.toLowerCase();
    if (name === "host") authority = lines[index + 1]!;
    else headers.push(name, lines[index + 1]!);
  }
  return [":method", method, ":scheme", "http", ":authority", authority, ":path", path, ...headers];
}
