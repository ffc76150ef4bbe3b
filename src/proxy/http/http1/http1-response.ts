/**
 * One HTTP/1.1 request on its way through. The head of a response waits for its first bytes, so that a small response is one
 * write; it never waits longer than what the application sent with it takes to be read.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Connection } from "../../forward/forwarder.ts";
import type { AfterResponse, ResponseForm, Downstream, HttpVersion, RequestHead } from "../exchange/message.ts";
import { RequestBody } from "../exchange/request-body.ts";

/** Up to here head and body are joined into one string: a copy costs less than a second buffer to encrypt. */
const JOINED_BYTES = 16_384;

interface PendingHead {
  readonly status: number;
  readonly lines: string[];
  /** As the application declared it. */
  readonly length: number | undefined;
}

export class Http1Response implements Downstream {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connection: Connection;
  #pending: PendingHead | undefined;
  #held: Buffer | undefined;
  #begun = false;
  body: RequestBody | undefined;
  onClose: ((whole: boolean) => void) | undefined;

  /** @param onClosed told after `onClose`, when the response is out or lost */
  constructor(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    onClosed: (response: Http1Response) => void,
  ) {
    this.#connection = connection;
    this.#request = request;
    this.#response = response;
    response.once("close", () => {
      this.onClose?.(response.writableFinished);
      onClosed(this);
    });
  }

  get begun(): boolean {
    return this.#begun;
  }

  openBody(): void {
    this.body = new RequestBody(this.#request);
  }

  proceed(): void {
    this.#response.writeContinue();
  }

  hint(links: readonly string[]): void {
    this.#response.writeEarlyHints({ link: [...links] });
  }

  /**
   * A response that is not begun yet is the last of its connection: what comes behind its request is not taken for another
   * one, whatever it looks like.
   */
  last(): void {
    this.#connection.ending = true;
    if (!this.#response.headersSent) this.#response.shouldKeepAlive = false;
  }

  start(status: number, lines: string[], { after }: ResponseForm): void {
    this.#begun = true;
    if (after === "close") this.last();
    this.#pending = { status, lines, length: declaredLength(lines) };
    queueMicrotask(() => this.#flush());
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

  end(trailers: Readonly<Record<string, string>>): void {
    if (this.#pending !== undefined) this.#writeHead(this.#pending);
    for (const _ in trailers) {
      this.#response.addTrailers(trailers);
      break;
    }
    if (this.#held === undefined) this.#response.end();
    else this.#response.end(this.#held.toString("latin1"), "latin1");
    this.#held = undefined;
  }

  respond(status: number, lines: readonly string[], body: string, after: AfterResponse): void {
    this.#begun = true;
    if (after === "close") this.last();
    this.#response.writeHead(status, [...lines]);
    this.#response.end(body);
  }

  /** An HTTP/1.0 response may end with its connection: only a reset tells such a caller that it was cut. */
  cut(detail?: string): void {
    if (detail === undefined) this.#connection.finish("downstream-reset", "a response was cut short");
    else this.#connection.finish("upstream-reset", detail);
    this.#connection.reset();
    this.#response.destroy();
  }

  #flush(): void {
    if (this.#pending === undefined) return;
    this.#writeHead(this.#pending);
    if (this.#held === undefined) this.#response.flushHeaders();
    else this.#response.write(this.#held);
    this.#held = undefined;
  }

  #writeHead({ status, lines }: PendingHead): void {
    this.#pending = undefined;
    this.#response.writeHead(status, lines);
  }
}

function declaredLength(lines: readonly string[]): number | undefined {
  for (let index = 0; index < lines.length; index += 2)
    if (lines[index]!.length === 14 && lines[index]!.toLowerCase() === "content-length")
      return Number(lines[index + 1]);
  return undefined;
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
