/**
 * One response that is written to the caller's socket directly. Head, body and end leave in one write where they come in one
 * turn; the head never waits longer than what the application sent with it takes to be read.
 */
import type { OnFault } from "../../forward/boundary.ts";
import type { AfterResponse, Downstream, ResponseForm } from "../exchange/message.ts";
import type { RequestBody } from "../exchange/request-body.ts";
import type { Release } from "../../forward/read-buffers.ts";
import { declaredLength } from "../wire/declared-length.ts";
import { encodeChunk, encodeLastChunk, JOINED_BYTES } from "../wire/encode.ts";
import { WireFault } from "../wire/wire-fault.ts";
import { informationalHead, responseHead } from "./encode-response-head.ts";
import type { OwedResponse, ResponseOwner } from "./response-owner.ts";

/** The connection, as its one response sees it. */
export interface ResponseWriter extends ResponseOwner {
  readonly keepAliveMs: number;
  readonly receiving: boolean;
  openBody(): RequestBody;
  /** @param last `finished` follows when it is out @param release called when it is out, unless it is the last */
  write(data: string | Buffer, last?: boolean, release?: Release): boolean;
  /** `finished` follows when everything that was written is out. */
  end(): void;
  corkTurn(): void;
  /** `flush` of the response follows at the end of this turn. */
  flushTurn(): void;
}

interface PendingHead {
  readonly status: number;
  readonly lines: readonly string[];
}

export class DirectResponse implements Downstream, OwedResponse {
  readonly #writer: ResponseWriter;
  readonly #isHead: boolean;
  #pending: PendingHead | undefined;
  #held: Buffer | undefined;
  /** Of the body: bytes that are still to come, `chunked`, or `none`. */
  #framing: number | "chunked" | "none" = "none";
  #last = false;
  #over = false;
  #resume: (() => void) | undefined;
  /** The next request is read when this response is out. */
  readonly readableSinceMs = 0;
  begun = false;
  body: RequestBody | undefined;
  onClose: ((whole: boolean) => void) | undefined;
  onFault: OnFault | undefined;

  constructor(writer: ResponseWriter, method: string) {
    this.#writer = writer;
    this.#isHead = method === "HEAD";
  }

  get receiving(): boolean {
    return this.#writer.receiving;
  }

  openBody(): void {
    this.body = this.#writer.openBody();
  }

  proceed(): void {
    this.#writer.write("HTTP/1.1 100 Continue\r\n\r\n");
  }

  inform(status: number, lines: readonly string[]): void {
    if (this.#over || this.begun) return;
    this.#writer.write(informationalHead(status, lines));
  }

  last(): void {
    this.#last = true;
    this.#writer.isLast();
  }

  start(status: number, lines: readonly string[], { after }: ResponseForm): void {
    if (after === "close") this.last();
    this.#expect(status, lines);
    this.#writer.flushTurn();
  }

  write(chunk: Buffer, release?: Release): boolean {
    const length = chunk.length;
    if (this.#over || this.#framing === "none" || length === 0) return true;
    if (typeof this.#framing === "number") {
      if (length > this.#framing) throw new Error("the response is longer than its Content-Length");
      this.#framing -= length;
    }
    if (this.#pending !== undefined && this.#held === undefined && length <= JOINED_BYTES) {
      this.#held = chunk;
      return true;
    }
    this.#writer.corkTurn();
    this.flush();
    return this.#writeData(chunk, release);
  }

  onceWritable(resume: () => void): void {
    this.#resume = resume;
  }

  end(trailers: readonly string[]): void {
    if (this.#over) return;
    if (typeof this.#framing === "number" && this.#framing > 0)
      throw new Error("the response is shorter than its Content-Length");
    const last = this.#framing === "chunked" ? encodeLastChunk(trailers) : "";
    if (last instanceof WireFault) throw new Error(last.reason);
    const text = this.#takeHeld() + last;
    if (text === "") this.#writer.end();
    else this.#writer.write(text, true);
  }

  respond(status: number, lines: readonly string[], body: string, after: AfterResponse): void {
    if (this.#over) return;
    if (after === "close") this.last();
    this.#held = undefined;
    this.#expect(status, lines);
    const head = this.#takeHead();
    this.#writer.write(this.#framing === "none" ? head : head + Buffer.from(body).toString("latin1"), true);
  }

  cut(detail?: string): void {
    const { connection } = this.#writer;
    if (detail === undefined) connection.end("downstream-reset", "a response was cut short");
    else connection.end("upstream-reset", detail);
    connection.reset();
  }

  /** What waits for more of the same turn goes out. */
  flush(): void {
    if (this.#over || this.#pending === undefined) return;
    this.#writer.write(this.#takeHeld());
  }

  /** The caller has taken what was written. */
  writable(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** @param whole the last byte is out; otherwise the connection is gone */
  finished(whole: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#pending = undefined;
    this.onClose?.(whole);
    this.#writer.responded(this);
  }

  #expect(status: number, lines: readonly string[]): void {
    this.#pending = { status, lines };
    this.#framing =
      this.#isHead || status === 204 || status === 304 ? "none" : (declaredLength(lines) ?? ("chunked" as const));
  }

  #writeData(chunk: Buffer, release: Release | undefined): boolean {
    if (this.#framing !== "chunked") return this.#writer.write(chunk, false, release);
    if (chunk.length <= JOINED_BYTES) return this.#writer.write(encodeChunk(chunk.toString("latin1")));
    this.#writer.write(`${chunk.length.toString(16)}\r\n`);
    this.#writer.write(chunk, false, release);
    return this.#writer.write("\r\n");
  }

  /** The head, and what waits with it. */
  #takeHeld(): string {
    if (this.#pending === undefined) return "";
    const head = this.#takeHead();
    if (this.#held === undefined) return head;
    const data = this.#held.toString("latin1");
    this.#held = undefined;
    return head + (this.#framing === "chunked" ? encodeChunk(data) : data);
  }

  #takeHead(): string {
    const { status, lines } = this.#pending!;
    const head = responseHead({
      status,
      lines,
      chunked: this.#framing === "chunked",
      last: this.#last,
      keepAliveMs: this.#writer.keepAliveMs,
    });
    this.#pending = undefined;
    this.begun = true;
    return head;
  }
}
