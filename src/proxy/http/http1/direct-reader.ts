/**
 * Reads the requests of one connection off its socket, as long as they are of the strict subset that gateways send, one after
 * the other: what came behind a request waits in the socket until that has its response. Whatever the subset does not know is
 * handed over with its bytes, before anything of it was consumed.
 */
import { METHODS } from "node:http";
import { performance } from "node:perf_hooks";
import type { Limits } from "../../../config/config.ts";
import { contain } from "../../forward/boundary.ts";
import type { Connection, DownstreamSocket } from "../../forward/forwarder.ts";
import { RequestBody } from "../exchange/request-body.ts";
import { upstreamTrailers } from "../exchange/headers.ts";
import type { RequestHead } from "../exchange/message.ts";
import type { Release } from "../../forward/read-buffers.ts";
import { PartialHead } from "../wire/partial-head.ts";
import { hasSpareSpace, parseRequestHead, type WireRequestHead } from "../wire/request-head.ts";
import { RequestBodyReader } from "../wire/request-body-reader.ts";
import { INCOMPLETE, Section } from "../wire/section.ts";
import { WireFault } from "../wire/wire-fault.ts";
import { DirectResponse, type ResponseWriter } from "./direct-response.ts";
import type { Http1Connection } from "./http1-connection.ts";
import type { RequestReader } from "./response-owner.ts";
import { SocketWriter } from "./socket-writer.ts";

/** Methods that are served: those of Node's parser, whichever way a request takes. CONNECT is not. */
const SERVED: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== "CONNECT"));
const CR = 0x0d;
const LF = 0x0a;
/** Node's server keeps an idle connection this much longer than it says, for requests that are on their way. */
const IDLE_MARGIN_MS = 1_000;

export interface DirectReaderOptions {
  readonly limits: Limits;
  /** Begins the exchange of one request. */
  readonly serve: (head: RequestHead, response: DirectResponse) => void;
  /** Takes the connection over. The socket is paused; the bytes of the next message are the first that it gives. */
  readonly handOver: () => void;
}

export class DirectReader implements RequestReader, ResponseWriter {
  readonly #state: Http1Connection;
  readonly #socket: DownstreamSocket;
  readonly #options: DirectReaderOptions;
  readonly #section: Section;
  readonly #writer: SocketWriter;
  #partial: PartialHead | undefined;
  #head: RequestHead | undefined;
  #response: DirectResponse | undefined;
  #incoming: RequestBodyReader | undefined;
  /** The body holds its source back. */
  #held = false;
  #paused = false;
  #discarding = false;
  /** When the head that is waited for began; the first one is waited for from the start. */
  #headSinceMs: number | undefined = performance.now();
  #idleSinceMs = performance.now();

  constructor(state: Http1Connection, options: DirectReaderOptions) {
    this.#state = state;
    this.#socket = state.connection.socket;
    this.#options = options;
    this.#section = new Section(options.limits.maxHeaderBytes);
    this.#writer = new SocketWriter(this.#socket, this.#onFault, {
      onOut: () => this.#response?.finished(true),
      onWritable: () => this.#response?.writable(),
      onTurnEnd: () => this.#response?.flush(),
      onTurnFault: (fault) => (this.#response?.onFault ?? this.#onFault)(fault),
    });
    this.#socket.on("data", this.#onData).on("end", this.#onEnd);
  }

  get connection(): Connection {
    return this.#state.connection;
  }

  get keepAliveMs(): number {
    return this.#options.limits.idleTimeoutMs;
  }

  get receiving(): boolean {
    return this.#incoming !== undefined;
  }

  get unread(): boolean {
    return this.#incoming !== undefined || this.#section.begun;
  }

  discard(): void {
    this.#discarding = true;
    this.#flow();
  }

  isLast(): void {
    this.#state.isLast();
  }

  openBody(): RequestBody {
    return new RequestBody(this.#source);
  }

  write(data: string | Buffer, last = false, release?: Release): boolean {
    return this.#writer.write(data, last, release);
  }

  end(): void {
    this.#writer.end();
  }

  flushTurn(): void {
    this.#writer.flushTurn();
  }

  corkTurn(): void {
    this.#writer.corkTurn();
  }

  responded(response: DirectResponse): void {
    this.#response = undefined;
    this.#head = undefined;
    this.#idleSinceMs = performance.now();
    const isReceiving = this.receiving;
    // The rest of a body must not be taken for another request.
    if (isReceiving) this.isLast();
    this.#state.responded(response);
    if (!isReceiving) this.#flow();
  }

  enforceLimits(nowMs: number): void {
    const { headerTimeoutMs, idleTimeoutMs } = this.#options.limits;
    if (this.#response !== undefined || this.#discarding) return;
    if (this.#headSinceMs !== undefined) {
      if (nowMs - this.#headSinceMs < headerTimeoutMs) return;
      this.#refuse("ERR_HTTP_REQUEST_TIMEOUT", 408, "stream timeout");
    } else if (nowMs - this.#idleSinceMs >= idleTimeoutMs + IDLE_MARGIN_MS) this.#socket.destroy();
  }

  closed(): void {
    this.#response?.body?.cut(new Error("the caller went away"));
    this.#response?.finished(false);
  }

  readonly #onFault = (fault: Error): void => this.connection.fault(fault);

  readonly #onData = contain("http1 direct-data", this.#onFault, (bytes: Buffer) => this.#read(bytes));

  readonly #onEnd = contain("http1 direct-end", this.#onFault, () => this.#ended());

  /** The socket, to a body. */
  readonly #source = {
    pause: (): void => {
      this.#held = true;
    },
    resume: (): void => {
      this.#held = false;
      if (this.receiving) this.#flow();
    },
    isPaused: (): boolean => this.#held,
  };

  #read(bytes: Buffer): void {
    if (this.#discarding) return;
    let rest = bytes;
    if (this.#incoming !== undefined) {
      const at = this.#readBody(this.#incoming, bytes, 0);
      if (at === bytes.length) return;
      rest = bytes.subarray(at);
    }
    if (this.#response === undefined) this.#readHead(rest);
    else this.#wait(rest);
  }

  /** Bytes behind the request that is being responded to. */
  #wait(bytes: Buffer): void {
    this.#pause();
    this.#socket.unshift(bytes);
  }

  #readHead(bytes: Buffer): void {
    const section = this.#section;
    const { limits } = this.#options;
    const isFirstPart = !section.begun;
    // An empty line in front of a request is legal, and no part of a head.
    if (isFirstPart && (bytes[0] === CR || bytes[0] === LF)) {
      this.#handOver(bytes);
      return;
    }
    const end = section.take(bytes, 0);
    if (end === INCOMPLETE) {
      this.#headSinceMs ??= performance.now();
      this.#partial ??= new PartialHead();
      if (!this.#partial.plausible(section.kept)) this.#handOver(section.untaken(bytes, 0));
      return;
    }
    this.#partial = undefined;
    if (end instanceof WireFault) {
      this.#handOver(section.untaken(bytes, 0));
      return;
    }
    const head = parseRequestHead(section.text, limits.maxHeaders);
    if (head instanceof WireFault || head.hasUpgrade || head.hasExpect || !SERVED.has(head.method)) {
      const text = isFirstPart ? undefined : Buffer.from(`${section.text}\r\n`, "latin1");
      this.#handOver(text === undefined ? bytes : Buffer.concat([text, bytes.subarray(end)]));
      return;
    }
    this.#serve(head, bytes, end);
  }

  #serve(wire: WireRequestHead, bytes: Buffer, end: number): void {
    if (!this.#state.takesRequests()) {
      this.#discarding = true;
      return;
    }
    this.#headSinceMs = undefined;
    const { method, target, lines, framing, persistent } = wire;
    const head: RequestHead = { method, target, version: "1.1", lines };
    const response = new DirectResponse(this, method);
    this.#head = head;
    this.#response = response;
    this.#held = false;
    if (framing.kind === "chunked" || (framing.kind === "length" && framing.bytes > 0)) {
      const { maxHeaderBytes, maxHeaders } = this.#options.limits;
      this.#incoming = new RequestBodyReader(framing, { maxBytes: maxHeaderBytes, maxLines: maxHeaders });
    }
    this.#state.owes(response);
    if (!persistent) response.last();
    this.#options.serve(head, response);
    const at = this.#incoming === undefined ? end : this.#readBody(this.#incoming, bytes, end);
    if (at < bytes.length) this.#wait(bytes.subarray(at));
  }

  /** @returns the offset behind what belongs to the body */
  #readBody(incoming: RequestBodyReader, bytes: Buffer, start: number): number {
    if (start === bytes.length) return start;
    const body = this.#response?.body;
    const at = incoming.read(bytes, start);
    if (at instanceof WireFault) {
      this.#refuseBody(at);
      return bytes.length;
    }
    if (incoming.data.length > 0) body?.feed(incoming.data);
    if (incoming.done) {
      this.#incoming = undefined;
      body?.finish(upstreamTrailers(incoming.trailers, this.#head?.lines ?? []));
      this.#flow();
    } else if (this.#held) this.#pause();
    return at;
  }

  #refuseBody(fault: WireFault): void {
    this.discard();
    this.connection.end("protocol-error", fault.reason);
    // One that was refused has its response already, and it is the last.
    if (this.#response?.body === undefined) return;
    if (fault.kind === "too-large") this.#state.refuseUnreadable(413, "chunk extensions or trailers are too large");
    else if (fault.kind === "too-many-lines") this.#state.refuseUnreadable(431, "too many trailers");
    else this.#state.refuseUnreadable(400, "malformed request");
  }

  #refuse(detail: string, status = 400, reason = "malformed request"): void {
    this.connection.end("protocol-error", detail);
    this.discard();
    this.#state.refuseUnreadable(status, reason);
  }

  /** The caller sends nothing more; it may still wait for a response. */
  #ended(): void {
    if (this.#discarding) return;
    if (this.unread) this.#refuse("HPE_INVALID_EOF_STATE");
    else if (this.#response === undefined) this.#socket.destroySoon();
    else {
      this.#response.last();
      this.#state.callerEnded();
    }
  }

  /** Node's parser would repair several spaces, which then nobody sees: what it would have to is refused before it. */
  #handOver(bytes: Buffer): void {
    if (hasSpareSpace(bytes.toString("latin1", 0, this.#options.limits.maxHeaderBytes)))
      return this.#refuse("several spaces in the request line");
    const socket = this.#socket;
    socket.off("data", this.#onData).off("end", this.#onEnd);
    this.#writer.detach();
    socket.pause();
    socket.unshift(bytes);
    this.#discarding = true;
    this.#options.handOver();
    socket.resume();
  }

  #pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  #flow(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }
}
