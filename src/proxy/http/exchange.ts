/**
 * One request and its answer. The head is clean and judged when it gets here; bytes flow with back-pressure both ways,
 * and a cut on either side is a cut on the other, never an end that looks orderly.
 */
import { performance } from "node:perf_hooks";
import { classifyFailure, wasNotServed, type UpstreamFailure } from "../upstream/failure.ts";
import type { AnswerControl, AnswerHandler, Trailers, Upstream } from "../upstream/upstream.ts";
import type { Connection } from "../forwarder.ts";
import { downstreamHeaders, downstreamTrailers, earlyHintLinks, type UpstreamHeaders } from "./headers.ts";
import type { Downstream, RequestHead } from "./message.ts";
import type { CleanHead } from "./request-head.ts";
import { answerError } from "./responses.ts";

/** Methods whose repetition changes nothing (RFC 9110 section 9.2.2) and that carry no body here. */
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS"]);

export interface ExchangeParts {
  readonly connection: Connection;
  readonly head: RequestHead;
  readonly clean: CleanHead;
  readonly headers: UpstreamHeaders;
  readonly downstream: Downstream;
  readonly upstream: Upstream;
  /** Called once, when the last byte is out or the exchange is cut. */
  readonly onEnd: (exchange: Exchange) => void;
}

/** Carries one exchange from a judged head to its last byte. */
export class Exchange implements AnswerHandler {
  readonly parts: ExchangeParts;
  readonly startedAt = Date.now();
  readonly #startedAtMs = performance.now();
  #control: AnswerControl | undefined;
  #status = 0;
  #hasAnswer = false;
  #ended = false;
  #retried = false;
  #blockedAtMs: number | undefined;
  /** A stream of events or of gRPC messages gets no grace when the connection's right ends. */
  endless: boolean;
  bytesOut = 0;
  firstByteMs: number | undefined;
  failure: UpstreamFailure["code"] | "request-cancelled" | undefined;
  failureDetail: string | undefined;

  constructor(parts: ExchangeParts) {
    this.parts = parts;
    this.endless = parts.clean.grpc;
  }

  get status(): number {
    return this.#status;
  }

  get bytesIn(): number {
    return this.parts.downstream.body?.bytes ?? 0;
  }

  /** The caller is still sending. */
  get receiving(): boolean {
    return this.parts.downstream.body?.received === false;
  }

  get durationMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  start(): void {
    const { downstream, clean } = this.parts;
    downstream.onClose = (whole) => this.#end(whole);
    if (clean.hasBody) downstream.openBody();
    this.#dispatch();
  }

  #dispatch(): void {
    const { head, clean, headers, downstream, upstream } = this.parts;
    upstream.dispatch({ method: head.method, path: clean.path, lines: headers.lines, body: downstream.body }, this);
  }

  /** The caller is gone, or may not be served any longer. */
  cancel(): void {
    if (this.#ended) return;
    this.failure ??= "request-cancelled";
    this.#control?.abort(new Error("request cancelled"));
    this.parts.downstream.cut();
  }

  /** Ends an exchange that has not been answered, e.g. because its body stopped coming. */
  refuse(status: number, reason: string): void {
    const { downstream } = this.parts;
    if (downstream.begun) return this.cancel();
    this.failure = "request-cancelled";
    this.failureDetail = reason;
    this.#control?.abort(new Error(reason));
    this.#answerError(status, reason);
  }

  /** How long nothing has moved although it was the caller's turn, in milliseconds; and what it was to do. */
  stalledMs(nowMs: number): { readonly sendingMs: number; readonly readingMs: number; readonly unreadMs: number } {
    const { body } = this.parts.downstream;
    const bodyMs = body === undefined || body.received ? 0 : nowMs - body.activeAtMs;
    return {
      sendingMs: body?.waiting === true ? 0 : bodyMs,
      unreadMs: body?.waiting === true ? bodyMs : 0,
      readingMs: this.#blockedAtMs === undefined ? 0 : nowMs - this.#blockedAtMs,
    };
  }

  onRequestStart(control: AnswerControl): void {
    this.#control = control;
    if (this.#ended) control.abort(new Error("request cancelled"));
  }

  onResponseStart(control: AnswerControl, status: number): void {
    const raw = control.rawHeaders ?? [];
    const { downstream, connection, head } = this.parts;
    if (status < 200) {
      // Postern has answered an expectation itself; other protocols are entered by upgrade only.
      const links = status === 103 && head.version !== "1.0" && !downstream.begun ? earlyHintLinks(raw) : [];
      if (links.length > 0) downstream.hint(links);
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
      control.abort(new Error(answer));
      return;
    }
    this.#status = status;
    this.#hasAnswer = true;
    this.endless ||= answer.endless;
    this.firstByteMs = performance.now() - this.#startedAtMs;
    // An answer to a request whose body is still coming leaves an HTTP/1.1 connection in the middle of that body.
    downstream.start(status, answer.lines, {
      after: connection.ending || this.receiving ? "close" : "keep",
      bodyless: control.bodyless === true || answer.empty,
    });
  }

  onResponseData(control: AnswerControl, chunk: Buffer): void {
    this.bytesOut += chunk.length;
    const { downstream } = this.parts;
    if (downstream.write(chunk)) return;
    control.pause();
    this.#blockedAtMs = performance.now();
    downstream.onceWritable(() => {
      this.#blockedAtMs = undefined;
      control.resume();
    });
  }

  onResponseEnd(_control: AnswerControl, trailers: Trailers): void {
    this.parts.downstream.end(downstreamTrailers(trailers));
  }

  onResponseError(_control: AnswerControl | undefined, error: Error): void {
    this.parts.upstream.failed(error);
    if (this.#ended || this.failure !== undefined) return;
    if (this.#mayRetry(error)) {
      this.#retried = true;
      this.parts.upstream.released();
      this.#dispatch();
      return;
    }
    this.#fail(classifyFailure(error));
  }

  /** Safe to repeat only when nothing of the request can have had an effect and nothing of an answer was seen. */
  #mayRetry(error: Error): boolean {
    const { clean, head } = this.parts;
    if (this.#retried || this.#hasAnswer || clean.hasBody || !REPEATABLE.has(head.method)) return false;
    return wasNotServed(error);
  }

  #fail(failure: UpstreamFailure): void {
    this.failure = failure.code;
    this.failureDetail = failure.detail;
    const { downstream } = this.parts;
    // Half an answer is on its way: only a cut says that the rest is missing.
    if (downstream.begun) downstream.cut(failure.detail);
    else this.#answerError(failure.status, failure.reason);
  }

  #answerError(status: number, reason: string): void {
    const { downstream, headers, clean, connection } = this.parts;
    this.#status = status;
    const after = clean.hasBody || connection.ending ? "close" : "keep";
    answerError(downstream, { status, reason, requestId: headers.requestId, grpc: clean.grpc }, after);
  }

  #end(whole: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.parts.upstream.released();
    if (!whole) {
      this.failure ??= "request-cancelled";
      this.#control?.abort(new Error("request cancelled"));
    }
    this.parts.onEnd(this);
  }
}
