/** One request to an application over HTTP/2, told to its handler as undici would tell it. */
import { constants, type ClientHttp2Stream } from "node:http2";
import type { ResponseControl, ResponseHandler, UpstreamRequest } from "./upstream.ts";
import type { UpstreamSession } from "./http2-session.ts";

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

export class Http2Request implements ResponseControl {
  readonly #request: UpstreamRequest;
  readonly #handler: ResponseHandler;
  readonly #idleTimeoutMs: number;
  #session: UpstreamSession | undefined;
  #stream: ClientHttp2Stream | undefined;
  #trailers: Readonly<Record<string, string>> = {};
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
    stream.on("headers", (_headers, _flags, raw) => this.#onHead(raw, false));
    stream.on("response", (_headers, flags, raw) => this.#onHead(raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0));
    stream.on("trailers", (_trailers, _flags, raw) => (this.#trailers = recordOf(raw)));
    stream.on("data", (chunk: Buffer) => handler.onResponseData(this, chunk));
    stream.on("error", (error) => (this.#aborted ??= error));
    if (this.#idleTimeoutMs > 0) {
      stream.setTimeout(this.#idleTimeoutMs, () => {
        this.#aborted = Object.assign(new Error("no byte in time"), { code: "UND_ERR_HEADERS_TIMEOUT" });
        stream.close(NGHTTP2_CANCEL);
      });
    }
    stream.once("close", () => this.#onClose(stream));
  }

  #onHead(raw: readonly string[], bodyless: boolean): void {
    const status = Number(raw[raw.indexOf(":status") + 1]);
    this.rawHeaders = raw;
    this.bodyless = bodyless;
    this.#handler.onResponseStart(this, status);
  }

  #onClose(stream: ClientHttp2Stream): void {
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
    this.#fail(Object.assign(error, { refused: rstCode === NGHTTP2_REFUSED_STREAM }));
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handler.onResponseError(this, error);
  }

  #sendBody(stream: ClientHttp2Stream, body: NonNullable<UpstreamRequest["body"]>): void {
    body.on("data", (chunk: Buffer) => {
      if (!stream.write(chunk)) body.pause();
    });
    stream.on("drain", () => body.resume());
    body.once("end", () => stream.end());
    body.once("close", () => {
      if (!body.readableEnded) stream.close(NGHTTP2_CANCEL);
    });
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

function recordOf(raw: readonly string[]): Readonly<Record<string, string>> {
  const record: Record<string, string> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    record[name] = record[name] === undefined ? raw[index + 1]! : `${record[name]}, ${raw[index + 1]!}`;
  }
  return record;
}
