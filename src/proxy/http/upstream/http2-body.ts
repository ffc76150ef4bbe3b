/**
 * The body of one request on its way to an application over HTTP/2. What was sent is kept up to a bound, so that a request
 * that the application left unprocessed can be sent once more from its beginning.
 */
import type { ClientHttp2Stream } from "node:http2";
import { contain, type OnFault } from "../../forward/boundary.ts";
import { UpstreamError } from "./failure.ts";
import { fieldsOf } from "./http2-fields.ts";
import type { RequestBodyStream } from "./upstream.ts";

/** Most messages of unary calls are smaller. A longer body is not sent again. */
const KEPT_BYTES = 65_536;

export interface BodyEvents {
  /** The caller or its body failed. */
  readonly onFailed: (error: Error) => void;
  /** The last byte was handed over. */
  readonly onSent: () => void;
  readonly onFault: OnFault;
}

export class Http2Body {
  readonly #body: RequestBodyStream;
  readonly #events: BodyEvents;
  #stream: ClientHttp2Stream | undefined;
  /** All that came so far; `undefined` once it is too much, or not needed any more. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #listening = false;
  #ended = false;
  #over = false;

  constructor(body: RequestBodyStream, events: BodyEvents) {
    this.#body = body;
    this.#events = events;
  }

  /** Nothing is missing of what another stream would have to be sent. */
  get repeatable(): boolean {
    return this.#kept !== undefined;
  }

  get sent(): boolean {
    return this.#ended;
  }

  sendOn(stream: ClientHttp2Stream): void {
    const { onFault } = this.#events;
    this.#stream = stream;
    stream.on(
      "drain",
      contain("h2c drain", onFault, () => this.#onDrain(stream)),
    );
    stream.once(
      "wantTrailers",
      contain("h2c request-trailers", onFault, () => stream.sendTrailers(fieldsOf(this.#body.trailers ?? []))),
    );
    for (const chunk of this.#kept ?? []) stream.write(chunk);
    if (this.#ended) stream.end();
    else if (!this.#listening) this.#listen();
    else if (!stream.writableNeedDrain) this.#body.resume();
  }

  /** The stream was lost, and another one may follow. */
  detach(): void {
    this.#stream = undefined;
    if (!this.#ended) this.#body.pause();
  }

  /** The application has begun to answer: it will not be asked again. */
  forget(): void {
    this.#kept = undefined;
  }

  /** Nothing more is sent or wanted. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream = undefined;
    this.#kept = undefined;
    this.#body.destroy();
  }

  #listen(): void {
    this.#listening = true;
    const body = this.#body;
    const { onFault } = this.#events;
    body.on("error", (error) => this.#fail(error));
    body.once(
      "close",
      contain("h2c body-close", onFault, () => this.#fail(new UpstreamError("BODY_CUT", "the caller went away"))),
    );
    body.once(
      "end",
      contain("h2c body-end", onFault, () => this.#onEnd()),
    );
    body.on(
      "data",
      contain("h2c body-data", onFault, (chunk: Buffer) => this.#onData(chunk)),
    );
  }

  #onData(chunk: Buffer): void {
    if (this.#over) return;
    this.#keep(chunk);
    const stream = this.#stream;
    if (stream === undefined) this.#body.pause();
    else if (!stream.write(chunk)) this.#body.pause();
  }

  #keep(chunk: Buffer): void {
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > KEPT_BYTES) this.#kept = undefined;
    this.#kept?.push(chunk);
  }

  #onDrain(stream: ClientHttp2Stream): void {
    if (stream === this.#stream && !this.#over) this.#body.resume();
  }

  #onEnd(): void {
    if (this.#over) return;
    this.#ended = true;
    this.#stream?.end();
    this.#events.onSent();
  }

  #fail(error: Error): void {
    if (this.#over || this.#ended) return;
    this.stop();
    this.#events.onFailed(error);
  }
}
