/**
 * One request and its answer. The head is clean and judged when it gets here; bytes flow with back-pressure both ways,
 * and a cut on either side is a cut on the other, never an end that looks orderly.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import type { Dispatcher } from "undici";
import type { Connection } from "../forwarder.ts";
import { downstreamHeaders, type UpstreamHeaders } from "./headers.ts";
import type { CleanHead } from "./request-head.ts";
import { answerError } from "./responses.ts";
import { classifyFailure, wasRefusedUnsent, type Upstream, type UpstreamFailure } from "./upstream.ts";

/** Methods whose repetition changes nothing (RFC 9110 section 9.2.2) and that carry no body here. */
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS"]);

export interface ExchangeEvents {
  /** Called once, when the last byte is out or the exchange is cut. */
  readonly onEnd: (exchange: Exchange) => void;
}

/** Carries one exchange; a handler of undici's dispatch. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly connection: Connection;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: CleanHead;
  readonly headers: UpstreamHeaders;
  readonly startedAt = Date.now();
  readonly #startedAtMs = performance.now();
  readonly #upstream: Upstream;
  readonly #events: ExchangeEvents;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #hasAnswer = false;
  #ended = false;
  #retried = false;
  /** An event stream gets no grace when the connection's right ends. */
  endless = false;
  bytesIn = 0;
  bytesOut = 0;
  firstByteMs: number | undefined;
  failure: UpstreamFailure["code"] | "request-cancelled" | undefined;
  failureDetail: string | undefined;
  /** Progress of the request's body as the idle check saw it last. */
  seenBytes = 0;
  activeAtMs = this.#startedAtMs;

  constructor(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    head: CleanHead,
    headers: UpstreamHeaders,
    upstream: Upstream,
    events: ExchangeEvents,
  ) {
    this.connection = connection;
    this.request = request;
    this.response = response;
    this.head = head;
    this.headers = headers;
    this.#upstream = upstream;
    this.#events = events;
  }

  get status(): number {
    return this.#status;
  }

  get durationMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  start(): void {
    this.response.on("close", () => this.#end());
    if (this.head.hasBody) this.request.on("error", () => this.cancel());
    this.#dispatch();
  }

  #dispatch(): void {
    const { request, head, headers } = this;
    this.#upstream.dispatch(
      // Without `reset: false` undici gives up the connection after HEAD and after a GET with a body.
      {
        path: head.path,
        method: request.method as Dispatcher.HttpMethod,
        headers: headers.lines,
        body: head.hasBody ? request : null,
        reset: false,
      },
      this,
    );
  }

  /** The caller is gone, or may not be served any longer. */
  cancel(): void {
    if (this.#ended) return;
    this.failure ??= "request-cancelled";
    this.#controller?.abort(new Error("request cancelled"));
    if (!this.response.destroyed) this.response.destroy();
  }

  /** Ends an exchange that has not been answered, e.g. because its body stopped coming. */
  refuse(status: number, reason: string): void {
    if (this.response.headersSent) return this.cancel();
    this.failure = "request-cancelled";
    this.failureDetail = reason;
    this.#status = status;
    this.#controller?.abort(new Error(reason));
    answerError(this.response, status, reason, this.headers.requestId, true);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(new Error("request cancelled"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw =
      (controller as Dispatcher.DispatchController & { readonly rawHeaders: readonly Buffer[] | null }).rawHeaders ??
      [];
    if (status < 200) {
      this.#forwardInformation(status, raw);
      return;
    }
    const answer = downstreamHeaders(raw);
    if (typeof answer === "string") {
      this.#fail({
        status: 502,
        reason: "the application gave an invalid answer",
        code: "upstream-invalid",
        detail: answer,
      });
      controller.abort(new Error(answer));
      return;
    }
    this.#status = status;
    this.#hasAnswer = true;
    this.endless = answer.endless;
    this.firstByteMs = performance.now() - this.#startedAtMs;
    const { response, connection } = this;
    // An answer to a request whose body is still coming leaves the connection in the middle of that body.
    if (connection.ending || (this.head.hasBody && !this.request.complete)) response.shouldKeepAlive = false;
    response.writeHead(status, answer.lines);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bytesOut += chunk.length;
    if (this.response.write(chunk)) return;
    controller.pause();
    this.response.once("drain", () => controller.resume());
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Readonly<Record<string, string | readonly string[] | undefined>>,
  ): void {
    const names = Object.keys(trailers);
    if (names.length > 0)
      this.response.addTrailers(Object.fromEntries(names.map((name) => [name, String(trailers[name])])));
    this.response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (wasRefusedUnsent(error)) this.#upstream.recycle();
    if (this.#ended || this.failure !== undefined) return;
    const failure = classifyFailure(error);
    if (this.#mayRetry(failure, error)) {
      this.#retried = true;
      this.#upstream.released();
      this.#dispatch();
      return;
    }
    this.#fail(failure);
  }

  #forwardInformation(status: number, raw: readonly Buffer[]): void {
    // Postern has answered an expectation itself; other protocols are entered by upgrade only.
    if (status === 100 || status === 101 || this.request.httpVersion === "1.0" || this.response.headersSent) return;
    const answer = downstreamHeaders(raw);
    if (typeof answer === "string" || status !== 103) return;
    const links: string[] = [];
    for (let index = 0; index < answer.lines.length; index += 2)
      if (answer.lines[index]!.toLowerCase() === "link") links.push(answer.lines[index + 1]!);
    if (links.length > 0) this.response.writeEarlyHints({ link: links });
  }

  /**
   * A kept connection that the application closed just as we used it: safe to repeat only when nothing of the request
   * can have had an effect and nothing of an answer was seen.
   */
  #mayRetry(failure: UpstreamFailure, error: Error): boolean {
    if (this.#retried || this.#hasAnswer || this.head.hasBody || failure.code !== "upstream-reset") return false;
    const { socket } = error as Error & { readonly socket?: { readonly bytesRead?: number } };
    const reused = (socket?.bytesRead ?? 0) > 0;
    return reused && REPEATABLE.has(this.request.method ?? "");
  }

  #fail(failure: UpstreamFailure): void {
    this.failure = failure.code;
    this.failureDetail = failure.detail;
    if (this.response.headersSent) {
      // Half an answer is on its way: only a reset says that the rest is missing.
      this.connection.finish("upstream-reset", failure.detail);
      this.connection.reset();
      return;
    }
    this.#status = failure.status;
    answerError(
      this.response,
      failure.status,
      failure.reason,
      this.headers.requestId,
      this.head.hasBody || this.connection.ending,
    );
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#upstream.released();
    if (!this.response.writableFinished) {
      this.failure ??= "request-cancelled";
      this.#controller?.abort(new Error("request cancelled"));
    }
    this.#events.onEnd(this);
  }
}
