/** One HTTP/2 stream on its way through. */
import { constants, type ServerHttp2Stream } from "node:http2";
import { contain, type OnFault } from "../../forward/boundary.ts";
import type { Connection } from "../../forward/forwarder.ts";
import type { ResponseForm, Downstream, RequestHead } from "../exchange/message.ts";
import { upstreamTrailers } from "../exchange/headers.ts";
import { bodyFrom, type RequestBody } from "../exchange/request-body.ts";
import { fieldsOf } from "../upstream/http2-fields.ts";

const {
  NGHTTP2_CANCEL,
  NGHTTP2_NO_ERROR,
  NGHTTP2_INTERNAL_ERROR,
  NGHTTP2_STREAM_STATE_OPEN,
  NGHTTP2_STREAM_STATE_HALF_CLOSED_LOCAL,
} = constants;

/** Never with a body (RFC 9110 section 6.4.1; 205: section 15.3.6); Node ends their streams with the head. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** How often a response that is complete is looked at, whether its last frame is out. */
const LAST_FRAME_MS = 20;

export class Http2Response implements Downstream {
  readonly #stream: ServerHttp2Stream;
  readonly #head: RequestHead;
  readonly #onFault: OnFault;
  #trailers: readonly string[] = [];
  /** The last frame is handed over: whatever ends the stream then, the caller has its response. */
  #whole = false;
  /** The head was written here; that of a tunnel is not. */
  #answered = false;
  readonly readableSinceMs = 0;
  body: RequestBody | undefined;
  onClose: ((whole: boolean) => void) | undefined;
  onFault: OnFault | undefined;

  /** @param onClosed told after `onClose`, when the stream is over */
  constructor(stream: ServerHttp2Stream, head: RequestHead, connection: Connection, onClosed: () => void) {
    this.#stream = stream;
    this.#head = head;
    this.#onFault = (fault) => (this.onFault ?? ((late) => connection.fault(late)))(fault);
    // Errors of a stream come with its close, which is where they are dealt with.
    stream.on("error", () => undefined);
    this.#destroyWhenReset(stream);
    const onClose = (): void => {
      this.onClose?.(this.#whole);
      onClosed();
    };
    stream.once(
      "close",
      contain("http2 response-close", (fault) => connection.fault(fault), onClose),
    );
  }

  get begun(): boolean {
    return this.#stream.headersSent;
  }

  openBody(): void {
    let trailers: readonly string[] = [];
    this.#stream.once("trailers", (_trailers, _flags, raw) => (trailers = raw));
    this.body = bodyFrom(this.#stream, () => upstreamTrailers(trailers, this.#head.lines), this.#onFault);
  }

  proceed(): void {
    if (this.#usable()) this.#stream.additionalHeaders({ ":status": 100 });
  }

  inform(status: number, lines: readonly string[]): void {
    if (this.#usable()) this.#stream.additionalHeaders({ ":status": status, ...fieldsOf(lines) });
  }

  start(status: number, lines: readonly string[], { bodyless }: ResponseForm): void {
    if (!this.#usable()) return;
    const empty = bodyless || this.#head.method === "HEAD" || BODYLESS.has(status);
    this.#respond(status, status === 205 ? withoutLength(lines) : lines, empty);
    if (empty) this.#stopReading();
  }

  write(chunk: Buffer): boolean {
    return !this.#writable() || this.#stream.write(chunk);
  }

  onceWritable(resume: () => void): void {
    this.#stream.once("drain", resume);
  }

  end(trailers: readonly string[]): void {
    if (!this.#writable()) return;
    this.#trailers = trailers;
    this.#stream.end();
    this.#stopReading();
  }

  respond(status: number, lines: readonly string[], body: string): void {
    if (!this.#usable()) return;
    const empty = this.#head.method === "HEAD" || body === "";
    this.#respond(status, lines, empty);
    if (!empty) this.#stream.end(body, "latin1");
    this.#stopReading();
  }

  /** Before the response began the caller may try again; in its midst it must know that the rest is missing. */
  cut(): void {
    if (this.#stream.destroyed) return;
    this.#whole = false;
    this.#stream.close(this.begun ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL);
  }

  #respond(status: number, lines: readonly string[], empty: boolean): void {
    this.#answered = true;
    this.#whole = empty;
    this.#stream.respond(pseudoFirst(status, lines), { endStream: empty, waitForTrailers: !empty });
    if (empty) return;
    // Asked for once all of the body is in frames, and flow control has let them pass.
    const sendTrailers = (): void => {
      this.#stream.sendTrailers(fieldsOf(this.#trailers));
      this.#whole = true;
    };
    this.#stream.once("wantTrailers", contain("http2 trailers", this.#onFault, sendTrailers));
  }

  /**
   * A reset without an error (NO_ERROR) in Node ends what the caller sends, as its last frame would, and lets the stream
   * wait for a response that cannot be sent any more, for ever. It is a cut, like every other reset.
   */
  #destroyWhenReset(stream: ServerHttp2Stream): void {
    let hasEnded = this.#head.hasBody !== true;
    const push = stream.push.bind(stream);
    stream.push = (chunk, encoding) => {
      if (chunk === null && !stream.destroyed) {
        const isCut = stream.closed && (!hasEnded || (this.#answered && !this.#whole) || !stream.headersSent);
        hasEnded = true;
        if (isCut) {
          // Node, which is in the midst of this, still asks the stream for its session.
          setImmediate(() => stream.destroy());
          return false;
        }
      }
      return push(chunk, encoding);
    };
    // Its end is taken, or there is no later moment at which Node would ask.
    if (hasEnded) stream.resume();
  }

  /**
   * The response is complete: a body that is still coming is not wanted any more (RFC 9113 section 8.1). What asks the
   * caller to stop must follow the last frame of the response: a reset overtakes what waits in the session.
   */
  #stopReading(): void {
    const stream = this.#stream;
    if (stream.readableEnded || this.body?.received === true) return;
    if (this.body === undefined) stream.resume();
    if (this.#head.hasBody !== true) return;
    const stop = (): void => {
      const { state } = stream.state;
      if (stream.destroyed || stream.readableEnded) clearInterval(waiting);
      else if (state === NGHTTP2_STREAM_STATE_HALF_CLOSED_LOCAL) {
        clearInterval(waiting);
        stream.close(NGHTTP2_NO_ERROR);
      } else if (state !== NGHTTP2_STREAM_STATE_OPEN) clearInterval(waiting);
    };
    const waiting = setInterval(contain("http2 stop-reading", this.#onFault, stop), LAST_FRAME_MS);
    stream.once("close", () => clearInterval(waiting));
  }

  #usable(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && !this.#stream.headersSent;
  }

  #writable(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && !this.#stream.writableEnded;
  }
}

/** A length without its body makes a response malformed (RFC 9113 section 8.1.1). */
function withoutLength(lines: readonly string[]): readonly string[] {
  return lines.filter((_, index) => lines[index - (index % 2)]!.toLowerCase() !== "content-length");
}

/** Names in lower case (RFC 9113 section 8.2). */
function pseudoFirst(status: number, lines: readonly string[]): string[] {
  const headers = [":status", String(status)];
  for (let index = 0; index < lines.length; index += 2) headers.push(lines[index]!.toLowerCase(), lines[index + 1]!);
  return headers;
}
