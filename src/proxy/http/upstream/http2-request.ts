/** One request to an application over HTTP/2, told to its handler as undici would tell it. */
import { constants, type ClientHttp2Stream } from "node:http2";
import { contain, type CallbackFault } from "../../forward/boundary.ts";
import { RequestRefused, UpstreamError } from "./failure.ts";
import type { ResponseControl, ResponseHandler, Trailers, UpstreamRequest } from "./upstream.ts";
import type { UpstreamSession } from "./http2-session.ts";

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

export class Http2Request implements ResponseControl {
  readonly #request: UpstreamRequest;
  readonly #handler: ResponseHandler;
  readonly #idleTimeoutMs: number;
  #session: UpstreamSession | undefined;
  #stream: ClientHttp2Stream | undefined;
  #trailers: Trailers = [];
  #aborted: Error | undefined;
  #ended = false;
  rawHeaders: readonly string[] = [];
  bodyless = false;

  constructor(request: UpstreamRequest, handler: ResponseHandler, idleTimeoutMs: number) {
    this.#request = request;
    this.#handler = handler;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  send(session: UpstreamSession): void {
    const { body } = this.#request;
    this.#session = session;
    this.#handler.onRequestStart(this);
    if (this.#ended) return;
    let stream: ClientHttp2Stream;
    try {
      stream = session.open(headersOf(this.#request), body === undefined);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#stream = stream;
    this.#listen(stream);
    if (body !== undefined) this.#sendBody(stream, body);
  }

  abort(reason: Error): void {
    if (this.#ended) return;
    this.#aborted = reason;
    if (this.#stream === undefined) this.#fail(reason);
    else this.#stream.close(NGHTTP2_CANCEL);
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  #listen(stream: ClientHttp2Stream): void {
    const handler = this.#handler;
    const onFault = this.#onFault;
    stream.on(
      "headers",
      contain("h2c headers", onFault, (_headers, _flags, raw) => this.#onHead(raw, false)),
    );
    stream.on(
      "response",
      contain("h2c response", onFault, (_headers, flags, raw) =>
        this.#onHead(raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0),
      ),
    );
    stream.on("trailers", (_trailers, _flags, raw) => (this.#trailers = raw));
    stream.on(
      "data",
      contain("h2c data", onFault, (chunk: Buffer) => handler.onResponseData(this, chunk)),
    );
    stream.once(
      "end",
      contain("h2c end", onFault, () => this.#onEnd(stream)),
    );
    stream.on("error", (error) => (this.#aborted ??= error));
    if (this.#idleTimeoutMs > 0) {
      stream.setTimeout(this.#idleTimeoutMs, () => {
        this.#aborted = new UpstreamError("RESPONSE_TIMEOUT", "no byte in time");
        stream.close(NGHTTP2_CANCEL);
      });
    }
    stream.once(
      "close",
      contain("h2c close", onFault, () => this.#onClose(stream)),
    );
  }

  readonly #onFault = (fault: CallbackFault): void => {
    this.#stream?.close(NGHTTP2_CANCEL);
    this.#fail(fault);
  };

  #onHead(raw: readonly string[], bodyless: boolean): void {
    const status = Number(raw[raw.indexOf(":status") + 1]);
    this.rawHeaders = raw;
    this.bodyless = bodyless;
    this.#handler.onResponseStart(this, status);
  }

  /** The response may be complete while the request's body still comes: its stream closes with that body's end only. */
  #onEnd(stream: ClientHttp2Stream): void {
    // Node ends what is read of a stream that was cut, too, and has closed it before.
    if (this.#ended || this.#aborted !== undefined || stream.closed || stream.destroyed) return;
    this.#ended = true;
    this.#handler.onResponseEnd(this, this.#trailers);
  }

  #onClose(stream: ClientHttp2Stream): void {
    if (this.#ended) return;
    const { rstCode } = stream;
    if (this.#aborted === undefined && rstCode === NGHTTP2_NO_ERROR && stream.readableEnded) {
      this.#ended = true;
      this.#handler.onResponseEnd(this, this.#trailers);
      return;
    }
    // A stream that ends with its connection knows only that; the connection knows why.
    const error =
      this.#session?.error ??
      (this.#aborted?.cause as Error | undefined) ??
      this.#aborted ??
      Object.assign(new Error(`stream reset with code ${rstCode}`), { code: "ERR_HTTP2_STREAM_ERROR" });
    this.#fail(
      rstCode === NGHTTP2_REFUSED_STREAM
        ? new RequestRefused("the application refused the stream", { cause: error })
        : error,
    );
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handler.onResponseError(this, error);
  }

  #sendBody(stream: ClientHttp2Stream, body: NonNullable<UpstreamRequest["body"]>): void {
    const onData = (chunk: Buffer): void => {
      if (!stream.write(chunk)) body.pause();
    };
    const onClose = (): void => {
      if (!body.readableEnded) stream.close(NGHTTP2_CANCEL);
    };
    body.on("data", contain("h2c body-data", this.#onFault, onData));
    stream.on("drain", () => body.resume());
    body.once("end", () => stream.end());
    body.once("close", contain("h2c body-close", this.#onFault, onClose));
    stream.once("close", () => body.destroy());
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
