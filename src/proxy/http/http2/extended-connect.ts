/**
 * A stream of HTTP/2 as the socket that http-proxy wants, for a WebSocket that was asked for by extended CONNECT (RFC 8441)
 * in front of an application that knows it as an HTTP/1.1 upgrade (RFC 6455).
 */
import { constants, type ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";
import { contain, type OnFault } from "../../forward/boundary.ts";
import { downstreamHeaders } from "../exchange/headers.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
/** The head of a 101 is a few hundred bytes. */
const MAX_HEAD_BYTES = 65_536;

/** Takes the application's 101 as HTTP/1.1 and gives it to the caller as 200 of HTTP/2; then bytes both ways. */
export class StreamSocket extends Duplex {
  readonly #stream: ServerHttp2Stream;
  #head: Buffer | undefined = Buffer.alloc(0);

  /** @param onFault told of what a callback of this throws */
  constructor(stream: ServerHttp2Stream, onFault: OnFault) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    // http-proxy listens from the switch on, and ends this also where the handshake failed: an error that nobody takes would
    // end the thread.
    this.on("error", () => undefined);
    const onData = (chunk: Buffer): void => {
      if (!this.push(chunk)) stream.pause();
    };
    stream.on("data", contain("stream-socket data", onFault, onData));
    const onEnd = (): void => {
      // Node ends what is read of a stream that its caller has reset, too.
      if (stream.aborted) this.destroy();
      else this.push(null);
    };
    stream.once("end", contain("stream-socket end", onFault, onEnd));
    stream.once(
      "close",
      contain("stream-socket close", onFault, () => this.destroy()),
    );
    stream.pause();
  }

  /** Ends the stream so that the caller cannot take it for the tunnel's end. */
  cut(): void {
    if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    this.destroy();
  }

  /** http-proxy prepares a TCP socket; a stream of HTTP/2 has nothing of the kind to prepare. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    try {
      if (this.#head === undefined) this.#stream.write(chunk, done);
      else this.#takeHead(Buffer.concat([this.#head, chunk]), done);
    } catch (thrown) {
      done(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    // Before the switch the stream belongs to the response that refuses it.
    if (this.#head !== undefined || this.#stream.writableEnded || this.#stream.destroyed) done();
    else this.#stream.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const stream = this.#stream;
    // What both sides have ended closes by itself: a reset would overtake our END_STREAM.
    const ended = error === null && stream.readableEnded && stream.writableEnded;
    if (!ended && !stream.destroyed)
      stream.close(error === null ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
    done(error);
  }

  #takeHead(head: Buffer, done: (error?: Error | null) => void): void {
    this.#head = head;
    const end = head.indexOf(HEAD_END);
    if (end === -1) {
      done(head.length > MAX_HEAD_BYTES ? new Error("the application's handshake is too large") : null);
      return;
    }
    const headers = translateSwitch(head.subarray(0, end).toString("latin1"));
    const rest = head.subarray(end + HEAD_END.length);
    this.#head = undefined;
    if (headers === undefined || this.#stream.destroyed) {
      done(new Error("the application's response to the handshake cannot be passed on"));
      return;
    }
    // Without trailers to wait for, of which there are none, Node ends the stream in good order before it resets it.
    this.#stream.respond(headers, { waitForTrailers: true });
    if (rest.length === 0) done();
    else this.#stream.write(rest, done);
  }
}

/** Lines of a 101 for HTTP/2; `undefined` where its framing is not clear. */
function translateSwitch(text: string): string[] | undefined {
  const raw = text.split("\r\n").flatMap((line, index) => {
    const colon = line.indexOf(":");
    return index === 0 || colon <= 0 ? [] : [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  const response = downstreamHeaders(raw, 101, false);
  if (typeof response === "string") return undefined;
  const headers = [":status", "200"];
  for (let index = 0; index < response.lines.length; index += 2) {
    if (response.lines[index] === "sec-websocket-accept") continue;
    headers.push(response.lines[index]!, response.lines[index + 1]!);
  }
  return headers;
}
