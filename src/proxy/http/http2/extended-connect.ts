/**
 * A WebSocket that was asked for by extended CONNECT (RFC 8441), in front of an application that knows it as an HTTP/1.1
 * upgrade (RFC 6455): the stream plays the socket that http-proxy wants, and its handshake is translated.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";
import { downstreamHeaders, type UpstreamHeaders } from "../exchange/headers.ts";
import type { WebSocketTunnel } from "../exchange/websocket-tunnel.ts";
import { classifyFailure, type UpstreamFailure } from "../upstream/failure.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
/** A response to a handshake is a few hundred bytes. */
const MAX_HEAD_BYTES = 65_536;

export interface ExtendedConnectEvents {
  readonly onStart: (status: number) => void;
  readonly onFailure: (failure: UpstreamFailure) => void;
}

export function carryExtendedConnect(
  stream: ServerHttp2Stream,
  tunnel: WebSocketTunnel,
  path: string,
  headers: UpstreamHeaders,
  events: ExtendedConnectEvents,
): void {
  const socket = new StreamSocket(stream);
  const lines = ["Sec-WebSocket-Key", randomBytes(16).toString("base64"), ...headers.lines];
  // What http-proxy reads of a request; carry() fills in the lines.
  const request = { method: "GET", httpVersion: "1.1", httpVersionMajor: 1 } as IncomingMessage;
  tunnel.carry(
    request,
    socket,
    Buffer.alloc(0),
    path,
    { ...headers, lines },
    {
      // The caller's word for it is 200.
      onStart: (status) => events.onStart(status === 101 ? 200 : status),
      onFailure: (error) => {
        if (!stream.headersSent && !stream.destroyed) events.onFailure(classifyFailure(error));
        else socket.destroy();
      },
    },
  );
}

/** Takes the application's response as HTTP/1.1 and gives it to the caller as HTTP/2; then bytes both ways. */
class StreamSocket extends Duplex {
  readonly #stream: ServerHttp2Stream;
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(stream: ServerHttp2Stream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
    stream.once("end", () => this.push(null));
    stream.once("close", () => this.destroy());
    stream.pause();
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
    if (this.#head === undefined) {
      this.#stream.write(chunk, done);
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf(HEAD_END);
    if (end === -1) {
      done(this.#head.length > MAX_HEAD_BYTES ? new Error("the application's handshake is too large") : null);
      return;
    }
    const rest = this.#head.subarray(end + HEAD_END.length);
    const headers = translateHead(this.#head.subarray(0, end).toString("latin1"));
    this.#head = undefined;
    if (headers === undefined || this.#stream.destroyed) {
      done(new Error("the application's response to the handshake cannot be passed on"));
      return;
    }
    this.#stream.respond(headers);
    if (rest.length === 0) done();
    else this.#stream.write(rest, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#stream.destroyed)
      this.#stream.close(error === null ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
    done(error);
  }
}

/** `undefined` for a response whose framing is not clear. */
function translateHead(text: string): string[] | undefined {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) return undefined;
  const raw = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return colon <= 0 ? [] : [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  const response = downstreamHeaders(raw);
  if (typeof response === "string") return undefined;
  const headers = [":status", String(status === 101 ? 200 : status)];
  for (let index = 0; index < response.lines.length; index += 2) {
    if (response.lines[index] === "sec-websocket-accept") continue;
    headers.push(response.lines[index]!, response.lines[index + 1]!);
  }
  return headers;
}
