/**
 * One HTTP/1.1 request on its way through. The head of a response waits for its first bytes, so that a small response is one
 * write; it never waits longer than what the application sent with it takes to be read.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import { contain, faultIn, type OnFault } from "../../forward/boundary.ts";
import type { AfterResponse, ResponseForm, Downstream, HttpVersion, RequestHead } from "../exchange/message.ts";
import { upstreamTrailers } from "../exchange/headers.ts";
import { bodyFrom, type RequestBody } from "../exchange/request-body.ts";
import { declaredLength } from "../wire/declared-length.ts";
import { JOINED_BYTES } from "../wire/encode.ts";
import { asksForUpgrade, informationalHead } from "./encode-response-head.ts";
import type { OwedResponse, ResponseOwner } from "./response-owner.ts";

const NOTHING = Buffer.alloc(0);

interface PendingHead {
  readonly status: number;
  readonly lines: string[];
  /** As the application declared it. */
  readonly length: number | undefined;
}

export class Http1Response implements Downstream, OwedResponse {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #owner: ResponseOwner;
  readonly #onFault: OnFault;
  #pending: PendingHead | undefined;
  #held: Buffer | undefined;
  readableSinceMs: number | undefined;
  body: RequestBody | undefined;
  onClose: ((whole: boolean) => void) | undefined;
  onFault: OnFault | undefined;

  constructor(owner: ResponseOwner, request: IncomingMessage, response: ServerResponse) {
    this.#owner = owner;
    this.#request = request;
    this.#response = response;
    this.#onFault = (fault) => (this.onFault ?? ((late) => owner.connection.fault(late)))(fault);
    // Node gives a response the socket when it is its turn.
    if (response.socket !== null) this.readableSinceMs = 0;
    else response.once("socket", () => (this.readableSinceMs = performance.now()));
    // Node reports a misuse of its API here and not by a throw; unheard, it would end the thread.
    response.on("error", (error) => this.#onFault(faultIn("http1 response", error)));
    const onClose = (): void => {
      this.body?.discard();
      this.onClose?.(response.writableFinished);
      owner.responded(this);
    };
    response.once(
      "close",
      contain("http1 response-close", (fault) => owner.connection.fault(fault), onClose),
    );
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  get receiving(): boolean {
    return !this.#request.complete;
  }

  openBody(): void {
    const request = this.#request;
    const trailers = (): readonly string[] => upstreamTrailers(request.rawTrailers, request.rawHeaders);
    this.body = bodyFrom(request, trailers, this.#onFault);
  }

  proceed(): void {
    this.#response.writeContinue();
  }

  /**
   * Written past Node's methods for it, which know links alone, and refuse legal ones (several in one line, parameters in
   * quotes). Only while it is this response's turn on the connection.
   */
  inform(status: number, lines: readonly string[]): void {
    const { socket } = this.#response;
    if (socket === null || !socket.writable || socket.writableNeedDrain) return;
    socket.write(informationalHead(status, lines), "latin1");
  }

  /**
   * A response that is not begun yet becomes the last of its connection: what comes behind its request is not taken for
   * another one, whatever it looks like.
   */
  last(): void {
    this.#owner.isLast();
    if (!this.#response.headersSent) this.#response.shouldKeepAlive = false;
  }

  start(status: number, lines: string[], { after }: ResponseForm): void {
    if (after === "close") this.last();
    this.#pending = { status, lines, length: declaredLength(lines) };
    queueMicrotask(contain("http1 response-head", this.#onFault, () => this.#flush()));
  }

  write(chunk: Buffer): boolean {
    if (this.#pending === undefined) return this.#response.write(chunk);
    // The whole body at once: its end follows in this very turn.
    if (chunk.length === this.#pending.length && chunk.length <= JOINED_BYTES) {
      this.#held = chunk;
      return true;
    }
    this.#writeHead(this.#pending);
    return this.#response.write(chunk);
  }

  onceWritable(resume: () => void): void {
    this.#response.once("drain", resume);
  }

  end(trailers: readonly string[]): void {
    if (this.#pending !== undefined) this.#writeHead(this.#pending);
    if (trailers.length > 0) this.#response.addTrailers(pairsOf(trailers));
    if (this.#held === undefined) this.#response.end();
    else this.#response.end(this.#held.toString("latin1"), "latin1");
    this.#held = undefined;
  }

  respond(status: number, lines: readonly string[], body: string, after: AfterResponse): void {
    // A head that Node refused is replaced by this one.
    this.#pending = undefined;
    this.#held = undefined;
    if (after === "close") this.last();
    this.#response.writeHead(status, [...lines]);
    this.#response.end(body, "latin1");
  }

  /** An HTTP/1.0 response may end with its connection: only a reset tells such a caller that it was cut. */
  cut(detail?: string): void {
    const { connection } = this.#owner;
    if (detail === undefined) connection.end("downstream-reset", "a response was cut short");
    else connection.end("upstream-reset", detail);
    connection.reset();
    this.#response.destroy();
  }

  #flush(): void {
    // A head that is all there is goes with its end: one whose end does not come can still be taken back.
    if (this.#pending === undefined || !this.#mayHaveBody(this.#pending.status)) return;
    this.#writeHead(this.#pending);
    // Not flushHeaders(): it sends the head as UTF-8, and every byte above ASCII in it as two.
    this.#response.write(this.#held ?? NOTHING);
    this.#held = undefined;
  }

  #mayHaveBody(status: number): boolean {
    return this.#request.method !== "HEAD" && status !== 204 && status !== 304;
  }

  #writeHead({ status, lines }: PendingHead): void {
    const response = this.#response;
    if (asksForUpgrade(status, lines))
      lines.push("Connection", response.shouldKeepAlive ? "keep-alive, upgrade" : "close, upgrade");
    response.writeHead(status, lines);
    this.#pending = undefined;
  }
}

function pairsOf(lines: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < lines.length; index += 2) pairs.push([lines[index]!, lines[index + 1]!]);
  return pairs;
}

/** The head as Node's parser read it. */
export function headOf(request: IncomingMessage): RequestHead {
  return {
    method: request.method ?? "",
    target: request.url ?? "",
    version: request.httpVersion as HttpVersion,
    lines: request.rawHeaders,
  };
}
