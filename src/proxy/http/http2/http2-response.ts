/** One HTTP/2 stream on its way through. */
import { constants, type ServerHttp2Stream } from "node:http2";
import type { ResponseForm, Downstream, RequestHead } from "../exchange/message.ts";
import { RequestBody } from "../exchange/request-body.ts";

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR } = constants;

export class Http2Response implements Downstream {
  readonly #stream: ServerHttp2Stream;
  readonly #head: RequestHead;
  #trailers: Readonly<Record<string, string>> = {};
  #begun = false;
  #whole = false;
  body: RequestBody | undefined;
  onClose: ((whole: boolean) => void) | undefined;

  /** @param onClosed told after `onClose`, when the stream is over */
  constructor(stream: ServerHttp2Stream, head: RequestHead, onClosed: (response: Http2Response) => void) {
    this.#stream = stream;
    this.#head = head;
    // Errors of a stream come with its close, which is where they are dealt with.
    stream.on("error", () => undefined);
    stream.once("close", () => {
      this.onClose?.(this.#whole && stream.rstCode === NGHTTP2_NO_ERROR);
      onClosed(this);
    });
  }

  get begun(): boolean {
    return this.#begun;
  }

  openBody(): void {
    this.body = new RequestBody(this.#stream);
  }

  proceed(): void {
    if (this.#usable()) this.#stream.additionalHeaders({ ":status": 100 });
  }

  hint(links: readonly string[]): void {
    if (this.#usable()) this.#stream.additionalHeaders({ ":status": 103, link: [...links] });
  }

  start(status: number, lines: readonly string[], { bodyless }: ResponseForm): void {
    this.#begun = true;
    if (!this.#usable()) return;
    const empty = bodyless || this.#head.method === "HEAD" || status === 204 || status === 304;
    if (empty) this.#whole = true;
    this.#stream.respond(pseudoFirst(status, lines), { endStream: empty, waitForTrailers: !empty });
    this.#stream.once("wantTrailers", () => this.#stream.sendTrailers(this.#trailers));
    if (empty) this.#stopReading();
  }

  write(chunk: Buffer): boolean {
    return !this.#writable() || this.#stream.write(chunk);
  }

  onceWritable(resume: () => void): void {
    this.#stream.once("drain", resume);
  }

  end(trailers: Readonly<Record<string, string>>): void {
    if (!this.#writable()) return;
    this.#trailers = trailers;
    this.#whole = true;
    this.#stream.end();
    this.#stopReading();
  }

  respond(status: number, lines: readonly string[], body: string): void {
    this.#begun = true;
    if (!this.#usable()) return;
    this.#whole = true;
    const empty = this.#head.method === "HEAD" || body === "";
    this.#stream.respond(pseudoFirst(status, lines), { endStream: empty });
    if (!empty) this.#stream.end(body);
    this.#stopReading();
  }

  /** Before the response began the caller may try again; in its midst it must know that the rest is missing. */
  cut(): void {
    if (this.#stream.destroyed) return;
    this.#whole = false;
    this.#stream.close(this.#begun ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL);
  }

  /** The response is complete: a body that is still coming is not wanted any more (RFC 9113 section 8.1). */
  #stopReading(): void {
    if (this.#stream.readableEnded || this.body?.received === true) return;
    if (this.body === undefined) {
      this.#stream.resume();
      if (this.#head.hasBody !== true) return;
    }
    this.#stream.once("finish", () => {
      if (!this.#stream.readableEnded) this.#stream.close(NGHTTP2_NO_ERROR);
    });
  }

  #usable(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && !this.#stream.headersSent;
  }

  #writable(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && !this.#stream.writableEnded;
  }
}

/** Names in lower case (RFC 9113 section 8.2). */
function pseudoFirst(status: number, lines: readonly string[]): string[] {
  const headers = [":status", String(status)];
  for (let index = 0; index < lines.length; index += 2) headers.push(lines[index]!.toLowerCase(), lines[index + 1]!);
  return headers;
}
