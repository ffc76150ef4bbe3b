/** A caller that speaks HTTP/2: one connection, as many streams as a test wants. */
import { once } from "node:events";
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from "node:http2";
import type { CallerTls } from "./caller.ts";

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, unknown>>;
  /** Headers of informational answers that came before. */
  readonly informed: readonly Readonly<Record<string, unknown>>[];
}

export class Http2Caller implements AsyncDisposable {
  readonly session: ClientHttp2Session;
  /** Resolves with the code of the first GOAWAY. */
  readonly goaway: Promise<number>;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on("error", () => undefined);
    this.goaway = new Promise((resolve) => session.once("goaway", resolve));
  }

  static async connect(port: number, tls?: CallerTls): Promise<Http2Caller> {
    const session =
      tls === undefined
        ? connect(`http://127.0.0.1:${port}`)
        : connect(`https://127.0.0.1:${port}`, {
            ca: tls.ca,
            checkServerIdentity: () => undefined,
            ...(tls.pair !== undefined && { cert: tls.pair.certPem, key: tls.pair.keyPem }),
          });
    const caller = new Http2Caller(session);
    await once(session, "connect");
    return caller;
  }

  /** A stream whose errors are the test's own affair. */
  open(headers: OutgoingHttpHeaders, endStream = false): ClientHttp2Stream {
    return this.session.request({ ":authority": "app.test", ":path": "/", ...headers }, { endStream });
  }

  async call(headers: OutgoingHttpHeaders = {}, body?: Buffer | string): Promise<Http2Answer> {
    const stream = this.open(headers, body === undefined);
    if (body !== undefined) stream.end(body);
    return readAnswer(stream);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, "close");
    this.session.destroy();
    await closed;
  }
}

/** Rejects when the stream ends without a whole answer: with its error, or the code of its reset. */
export function readAnswer(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const informed: Record<string, unknown>[] = [];
  const chunks: Buffer[] = [];
  let headers: Record<string, unknown> = {};
  let trailers: Record<string, unknown> = {};
  return new Promise((resolve, reject) => {
    stream.on("headers", (received) => informed.push({ ...received }));
    stream.on("response", (received) => (headers = received));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("trailers", (received) => (trailers = received));
    stream.on("error", reject);
    stream.on("close", () => {
      if (stream.rstCode !== 0 || !stream.readableEnded)
        reject(new Error(`the answer is not whole: reset with ${stream.rstCode}`));
      else resolve({ status: Number(headers[":status"]), headers, body: Buffer.concat(chunks), trailers, informed });
    });
  });
}
