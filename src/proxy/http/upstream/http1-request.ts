/** One request to an application over HTTP/1.1, on one connection or, where that was stale, on a second one. */
import type { Release } from "../../forward/read-buffers.ts";
import { declaredLength } from "../wire/declared-length.ts";
import { encodeRequestHead } from "../wire/encode.ts";
import type { ResponseHead } from "../wire/response-head.ts";
import { WireFault } from "../wire/wire-fault.ts";
import { BodySender } from "./body-sender.ts";
import type { CarriedRequest, CarryingConnection, Loss } from "./carried-request.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import { UpstreamError } from "./failure.ts";
import { IDEMPOTENT } from "./idempotent.ts";
import type { ResponseControl, ResponseHandler, UpstreamRequest } from "./upstream.ts";

/** How a connection ends that was closed while it was not used. */
const CLOSED: ReadonlySet<string | undefined> = new Set(["CLOSED_EARLY", "ECONNRESET", "EPIPE"]);

export class Http1Request implements ResponseControl, CarriedRequest {
  readonly #request: UpstreamRequest;
  readonly #handler: ResponseHandler;
  readonly #pool: ConnectionPool;
  readonly isHead: boolean;
  #head = "";
  #sender: BodySender | undefined;
  #connection: CarryingConnection | undefined;
  #sent = false;
  #repeated = false;
  #over = false;
  rawHeaders: readonly string[] = [];
  bodyless = false;

  constructor(request: UpstreamRequest, handler: ResponseHandler, pool: ConnectionPool) {
    this.#request = request;
    this.#handler = handler;
    this.#pool = pool;
    this.isHead = request.method === "HEAD";
  }

  get sent(): boolean {
    return this.#sent;
  }

  begin(): void {
    const { method, path: target, lines, body } = this.#request;
    this.#handler.onRequestStart(this);
    if (this.#over) return;
    const length = body === undefined ? undefined : declaredLength(lines);
    const framing = body === undefined ? "none" : length === undefined ? "chunked" : "length";
    const head = encodeRequestHead({ method, target, lines, framing }, this.#pool.authority);
    if (head instanceof WireFault) {
      this.#fail(new UpstreamError("INVALID_REQUEST", head.reason));
      return;
    }
    this.#head = head;
    if (body !== undefined) {
      this.#sender = new BodySender(head, body, length, {
        onFailed: (error) => this.#giveUp(error),
        onSent: () => this.#onSent(),
        onFault: (fault) => this.#giveUp(fault),
      });
    }
    this.#pool.take(this);
  }

  sendOn(connection: CarryingConnection): void {
    this.#connection = connection;
    if (this.#sender !== undefined) {
      this.#sender.sendOn(connection);
      return;
    }
    this.#sent = true;
    connection.write(this.#head);
  }

  abort(reason: Error): void {
    this.#giveUp(reason);
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  onInterim(head: ResponseHead): void {
    this.rawHeaders = head.lines;
    this.#handler.onResponseStart(this, head.status);
  }

  onHead({ lines, status, framing }: ResponseHead): void {
    this.rawHeaders = lines;
    this.bodyless = framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0);
    this.#handler.onResponseStart(this, status);
  }

  onData(chunk: Buffer, release: Release | undefined): void {
    this.#handler.onResponseData(this, chunk, release);
  }

  onEnd(trailers: readonly string[]): void {
    this.#finish();
    this.#handler.onResponseEnd(this, trailers);
  }

  onLost(loss: Loss): void {
    this.#connection = undefined;
    if (this.#over) return;
    if (!this.#mayRepeat(loss)) {
      this.#fail(loss.error);
      return;
    }
    this.#repeated = true;
    this.#sent = false;
    this.#sender?.detach();
    this.#pool.take(this, true);
  }

  onWritable(): void {
    this.#sender?.onWritable();
  }

  /** No more of the body can be delivered. */
  onWriteError(): void {
    this.#sent = true;
    if (this.#sender?.begun === true) this.#sender.stop();
  }

  /** Once, and only where the application can have done nothing with it, or nothing that a repetition changes. */
  #mayRepeat({ error, stale, unsent }: Loss): boolean {
    if (this.#repeated || !stale || !CLOSED.has((error as NodeJS.ErrnoException).code)) return false;
    if (this.#sender !== undefined) return !this.#sender.begun;
    return unsent || IDEMPOTENT.has(this.#request.method);
  }

  #onSent(): void {
    this.#sent = true;
    this.#connection?.requestSent();
  }

  #giveUp(error: Error): void {
    if (this.#over) return;
    if (this.#connection === undefined) this.#pool.forget(this);
    else this.#connection.abandon();
    this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#finish();
    this.#handler.onResponseError(this, error);
  }

  #finish(): void {
    this.#over = true;
    this.#connection = undefined;
    this.#sender?.stop();
  }
}
