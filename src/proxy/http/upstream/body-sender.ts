/**
 * Sends the head and body of one request, as fast as the application takes them. The head waits for the first bytes of the
 * body in this very turn, so that a small request is one write.
 */
import { contain, type OnFault } from "../../forward/boundary.ts";
import { releaseOf } from "../../forward/free-memory.ts";
import type { Release } from "../../forward/read-buffers.ts";
import { encodeChunk, encodeLastChunk, JOINED_BYTES } from "../wire/encode.ts";
import { WireFault } from "../wire/wire-fault.ts";
import { UpstreamError } from "./failure.ts";
import type { RequestBodyStream } from "./upstream.ts";

/** What a sender needs of a connection. */
export interface WritableConnection {
  /**
   * @param release called when the data is written, where it is a buffer
   * @returns false when `onWritable` will say when to go on
   */
  write(data: string | Buffer, release?: Release): boolean;
  /** Writes of this turn leave together. */
  corkTurn(): void;
}

export interface SenderEvents {
  /** The caller or its body failed. */
  readonly onFailed: (error: Error) => void;
  /** The last byte was handed over. */
  readonly onSent: () => void;
  readonly onFault: OnFault;
}

export class BodySender {
  readonly #body: RequestBodyStream;
  /** As the Content-Length line says; `undefined`: chunked. */
  readonly #length: number | undefined;
  readonly #events: SenderEvents;
  /** Until it is written. */
  #head: string | undefined;
  #connection: WritableConnection | undefined;
  #listening = false;
  #bytes = 0;
  /** The body has ended, which it says once. */
  #ended = false;
  #over = false;
  /** Something was handed to a connection: another one cannot begin anew. */
  begun = false;

  constructor(head: string, body: RequestBodyStream, length: number | undefined, events: SenderEvents) {
    this.#head = head;
    this.#body = body;
    this.#length = length;
    this.#events = events;
  }

  sendOn(connection: WritableConnection): void {
    this.#connection = connection;
    if (this.#ended) {
      this.#finish(connection);
      return;
    }
    if (this.#listening) this.#body.resume();
    else this.#listen();
    // A body that does not come at once may be waiting for what the application says to the head.
    setImmediate(contain("http1-upstream request-head", this.#events.onFault, () => this.#flushHead()));
  }

  /** The connection was lost before anything was written to it. */
  detach(): void {
    this.#connection = undefined;
    this.#body.pause();
  }

  onWritable(): void {
    if (!this.#over) this.#body.resume();
  }

  /** Nothing more is sent or wanted. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection = undefined;
    this.#body.destroy();
  }

  #listen(): void {
    this.#listening = true;
    const body = this.#body;
    const { onFault } = this.#events;
    body.on("error", (error) => this.#fail(error));
    body.once(
      "close",
      contain("http1-upstream body-close", onFault, () => this.#onClose()),
    );
    body.once(
      "end",
      contain("http1-upstream body-end", onFault, () => this.#onEnd()),
    );
    body.on(
      "data",
      contain("http1-upstream body-data", onFault, (chunk: Buffer) => this.#onData(chunk)),
    );
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.stop();
    this.#events.onFailed(error);
  }

  #flushHead(): void {
    const head = this.#head;
    if (this.#over || head === undefined || this.#connection === undefined) return;
    this.#head = undefined;
    this.begun = true;
    if (!this.#connection.write(head)) this.#body.pause();
  }

  #onData(chunk: Buffer): void {
    const connection = this.#connection;
    if (this.#over || connection === undefined || chunk.length === 0) return;
    this.#bytes += chunk.length;
    if (this.#length !== undefined && this.#bytes > this.#length) {
      this.#fail(new UpstreamError("BODY_LENGTH", "the body is longer than its Content-Length"));
      return;
    }
    this.begun = true;
    connection.corkTurn();
    if (!this.#write(connection, chunk)) this.#body.pause();
  }

  #write(connection: WritableConnection, chunk: Buffer): boolean {
    const head = this.#head ?? "";
    this.#head = undefined;
    const isChunked = this.#length === undefined;
    const release = isChunked || head !== "" ? undefined : releaseOf(chunk);
    if (release !== undefined) return connection.write(chunk, release);
    if (head.length + chunk.length <= JOINED_BYTES) {
      const text = chunk.toString("latin1");
      return connection.write(head + (isChunked ? encodeChunk(text) : text));
    }
    if (!isChunked) {
      if (head !== "") connection.write(head);
      return connection.write(chunk);
    }
    connection.write(`${head}${chunk.length.toString(16)}\r\n`);
    connection.write(chunk);
    return connection.write("\r\n");
  }

  #onClose(): void {
    if (!this.#ended) this.#fail(new UpstreamError("BODY_CUT", "the caller went away"));
  }

  #onEnd(): void {
    if (this.#over) return;
    this.#ended = true;
    // Between two connections: the next one is sent all of it.
    if (this.#connection !== undefined) this.#finish(this.#connection);
  }

  #finish(connection: WritableConnection): void {
    if (this.#length !== undefined && this.#bytes < this.#length) {
      this.#fail(new UpstreamError("BODY_LENGTH", "the body is shorter than its Content-Length"));
      return;
    }
    const last = this.#length === undefined ? encodeLastChunk(this.#body.trailers ?? []) : "";
    if (last instanceof WireFault) {
      this.#fail(new UpstreamError("INVALID_REQUEST", last.reason));
      return;
    }
    const text = `${this.#head ?? ""}${last}`;
    this.#head = undefined;
    this.begun = true;
    this.#over = true;
    if (text !== "") connection.write(text);
    this.#events.onSent();
  }
}
