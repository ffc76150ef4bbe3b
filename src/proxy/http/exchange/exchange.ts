/**
 * One request and its response. The head is clean and judged when it gets here; bytes flow with back-pressure both ways,
 * and a cut on either side is a cut on the other, never an end that looks orderly.
 */
import { performance } from "node:perf_hooks";
import type { UpstreamFailureCode } from "../../../telemetry/records.ts";
import { contain, faultIn, type CallbackFault } from "../../forward/boundary.ts";
import { classifyFailure, type UpstreamFailure } from "../upstream/failure.ts";
import type { Release } from "../../forward/read-buffers.ts";
import type { ResponseControl, ResponseHandler, Trailers, Upstream } from "../upstream/upstream.ts";
import type { Connection } from "../../forward/forwarder.ts";
import { ExchangeBoundary } from "./exchange-boundary.ts";
import { downstreamHeaders, downstreamTrailers, type UpstreamHeaders } from "./headers.ts";
import type { Downstream, RequestHead } from "./message.ts";
import type { CleanHead } from "./request-head.ts";
import { respondError } from "./responses.ts";

/** 1xx that are passed on for one request; the rest is left out. A caller that does not read must not cost memory. */
const MOST_INFORMATIONAL = 16;
/** What lies beyond them is no status of HTTP (RFC 9110 section 15). */
const FIRST_STATUS = 100;
const LAST_STATUS = 599;

export interface ExchangeParts {
  readonly connection: Connection;
  readonly head: RequestHead;
  readonly clean: CleanHead;
  readonly headers: UpstreamHeaders;
  readonly downstream: Downstream;
  readonly upstream: Upstream;
  /** It asks for a WebSocket. */
  readonly upgrade: boolean;
  /** Called once, when the last byte is out or the exchange is cut. */
  readonly onEnd: (exchange: Exchange) => void;
}

/** Carries one exchange from a judged head to its last byte. */
export class Exchange implements ResponseHandler {
  readonly parts: ExchangeParts;
  readonly startedAt = Date.now();
  readonly #startedAtMs = performance.now();
  #control: ResponseControl | undefined;
  /** Gives its place at the application back. */
  #release: (() => void) | undefined;
  #status = 0;
  #hasResponse = false;
  #informed = 0;
  #ended = false;
  #blockedAtMs: number | undefined;
  /** The application has said all of its response. */
  #received = false;
  /** A stream of events or of gRPC messages gets no grace when the connection's right ends. */
  endless: boolean;
  bytesOut = 0;
  firstByteMs: number | undefined;
  failure: UpstreamFailureCode | "request-cancelled" | undefined;
  failureDetail: string | undefined;

  constructor(parts: ExchangeParts) {
    this.parts = parts;
    this.endless = parts.clean.grpc || parts.upgrade;
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
    downstream.onFault = (fault) => this.fault(fault);
    try {
      if (clean.hasBody) downstream.openBody();
      this.#dispatch();
    } catch (thrown) {
      this.fault(faultIn("exchange start", thrown));
    }
  }

  #dispatch(): void {
    const { head, clean, headers, downstream, upstream } = this.parts;
    const release = upstream.dispatch(
      { method: head.method, path: clean.path, lines: headers.lines, body: downstream.body },
      new ExchangeBoundary(this),
    );
    if (this.#ended) release();
    else this.#release = release;
  }

  /** A callback of this exchange threw: it ends, and nothing beside it does. Never throws. */
  fault(fault: CallbackFault): void {
    if (this.#ended) return;
    try {
      const failure = classifyFailure(fault);
      // A response of our own may be what failed.
      if (this.failure === failure.code) this.parts.connection.fault(fault);
      else this.#fail(failure);
      this.#control?.abort(fault);
    } catch (thrown) {
      this.parts.connection.fault(faultIn("exchange fault", thrown));
    }
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
    this.#respondError(status, reason);
  }

  /** How long nothing has moved although it was the caller's turn, in milliseconds; and what it was to do. */
  stalledMs(nowMs: number): { readonly sendingMs: number; readonly readingMs: number; readonly unreadMs: number } {
    const { body } = this.parts.downstream;
    const bodyMs = body === undefined || body.received ? 0 : nowMs - body.activeAtMs;
    return {
      sendingMs: body?.waiting === true ? 0 : bodyMs,
      unreadMs: body?.waiting === true ? bodyMs : 0,
      readingMs: this.#readingMs(nowMs),
    };
  }

  /**
   * Behind an earlier response nothing can be read, however long that one takes. What the application has ended may wait for
   * its turn; anything else holds a connection of the application, and many of one caller would hold all.
   */
  #readingMs(nowMs: number): number {
    if (this.#blockedAtMs === undefined) return 0;
    const { readableSinceMs } = this.parts.downstream;
    if (readableSinceMs === undefined && this.#received) return 0;
    return nowMs - Math.max(this.#blockedAtMs, readableSinceMs ?? 0);
  }

  onRequestStart(control: ResponseControl): void {
    this.#control = control;
    if (this.#ended) control.abort(new Error("request cancelled"));
  }

  onResponseStart(control: ResponseControl, status: number): void {
    const raw = control.rawHeaders;
    const { downstream, head } = this.parts;
    if (status >= FIRST_STATUS && status < 200) {
      this.#inform(status, raw);
      return;
    }
    const known = status >= FIRST_STATUS && status <= LAST_STATUS;
    const response = known
      ? downstreamHeaders(raw, status, head.version === "1.1")
      : "response with a status outside 100 to 599";
    if (typeof response === "string") {
      this.#invalid(control, response);
      return;
    }
    this.#status = status;
    this.#hasResponse = true;
    this.endless ||= response.endless;
    this.firstByteMs = performance.now() - this.#startedAtMs;
    // A response to a request whose body is still coming leaves an HTTP/1.1 connection in the middle of that body.
    downstream.start(status, response.lines, {
      after: this.receiving ? "close" : "keep",
      bodyless: control.bodyless === true || response.empty,
    });
  }

  onResponseData(control: ResponseControl, chunk: Buffer, release?: Release): void {
    // The caller has been told otherwise already.
    if (this.#ended || this.failure !== undefined) return;
    if (!this.#hasResponse) return this.#invalid(control, "body of a response that is not final");
    this.bytesOut += chunk.length;
    const { downstream } = this.parts;
    if (downstream.write(chunk, release)) return;
    control.pause();
    this.#blockedAtMs = performance.now();
    const onWritable = (): void => {
      this.#blockedAtMs = undefined;
      control.resume();
    };
    downstream.onceWritable(contain("exchange writable", (fault) => this.fault(fault), onWritable));
  }

  onResponseEnd(control: ResponseControl, trailers: Trailers): void {
    if (this.#ended || this.failure !== undefined) return;
    if (!this.#hasResponse) return this.#invalid(control, "end of a response that is not final");
    // From here on the caller has only to read, whether or not there was room for the last write.
    this.#blockedAtMs ??= performance.now();
    this.#received = true;
    this.parts.downstream.end(downstreamTrailers(trailers));
  }

  /** The application switched protocols: what follows is the tunnel's. */
  onSwitch(): void {
    if (this.#ended) return;
    this.#ended = true;
    // The caller's word for it (RFC 8441 section 5).
    this.#status = this.parts.head.version === "2" ? 200 : 101;
    this.#release?.();
    this.parts.onEnd(this);
  }

  onResponseError(_control: ResponseControl | undefined, error: Error): void {
    if (!this.#ended && this.failure === undefined) this.#fail(classifyFailure(error));
  }

  /** A proxy passes on every 1xx that it has not asked for itself (RFC 9110 section 15.2). HTTP/1.0 knows none. */
  #inform(status: number, raw: readonly string[]): void {
    const { downstream, head } = this.parts;
    // Postern has answered an expectation itself; other protocols are entered by upgrade only.
    if (status <= 101 || head.version === "1.0" || downstream.begun || this.#informed >= MOST_INFORMATIONAL) return;
    const response = downstreamHeaders(raw, status, false);
    if (typeof response === "string") return;
    this.#informed += 1;
    downstream.inform(status, response.lines);
  }

  #invalid(control: ResponseControl, detail: string): void {
    if (this.failure !== undefined) return;
    const reason = "the application gave an invalid response";
    this.#fail({ status: 502, reason, code: "upstream-invalid", detail });
    control.abort(new Error(detail));
  }

  #fail(failure: UpstreamFailure): void {
    this.failure = failure.code;
    this.failureDetail = failure.detail;
    const { downstream } = this.parts;
    // Half a response is on its way: only a cut says that the rest is missing.
    if (downstream.begun) downstream.cut(failure.detail);
    else this.#respondError(failure.status, failure.reason);
  }

  #respondError(status: number, reason: string): void {
    const { downstream, headers, clean } = this.parts;
    this.#status = status;
    const after = clean.hasBody ? "close" : "keep";
    respondError(downstream, { status, reason, requestId: headers.requestId, grpc: clean.grpc }, after);
  }

  #end(whole: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release?.();
    if (!whole) {
      this.failure ??= "request-cancelled";
      this.#control?.abort(new Error("request cancelled"));
    }
    this.parts.onEnd(this);
  }
}
