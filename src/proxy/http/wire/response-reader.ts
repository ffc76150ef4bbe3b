/** Reads the responses of one connection to an application: bytes in, messages or an error out. It holds no socket. */
import { ChunkedDecoder } from "./chunked-decoder.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";
import { INCOMPLETE, Section } from "./section.ts";
import { WireFault } from "./wire-fault.ts";

const FIRST_BYTE = "H".charCodeAt(0);
const NO_TRAILERS: readonly string[] = [];

export interface ResponseLimits {
  /** Of a head, and of trailers. */
  readonly maxBytes: number;
  readonly maxLines: number;
}

/** Who is told. Each may call `stop`. */
export interface ResponseSink {
  /** 100 to 199, any number of times. */
  onInterim(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** At most once a `read`. @param data a view of what was read: used or copied before the call returns */
  onData(data: Buffer): void;
  /** @param trailers flat name-value array, repetition kept @param rest bytes came behind the message: it is the last one */
  onEnd(trailers: readonly string[], rest: boolean): void;
}

export class ResponseReader {
  readonly #limits: ResponseLimits;
  readonly #sink: ResponseSink;
  readonly #section: Section;
  #state: "idle" | "head" | "length" | "chunked" | "close" | "stopped" = "idle";
  #toHead = false;
  #left = 0;
  #chunked: ChunkedDecoder | undefined;

  constructor(limits: ResponseLimits, sink: ResponseSink) {
    this.#limits = limits;
    this.#sink = sink;
    this.#section = new Section(limits.maxBytes);
  }

  /** A request is being sent: bytes from here on are its response. @param toHead its method is HEAD */
  expect(toHead: boolean): void {
    this.#toHead = toHead;
    this.#state = "head";
  }

  /** Nothing more is told. */
  stop(): void {
    this.#state = "stopped";
  }

  /** @param bytes written to @returns why they are no response */
  read(bytes: Buffer): WireFault | undefined {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#state) {
        case "idle":
          return new WireFault("framing", "bytes that no request asked for");
        case "head": {
          const next = this.#readHead(bytes, at);
          if (next instanceof WireFault) return next;
          at = next;
          break;
        }
        case "length": {
          const size = Math.min(this.#left, bytes.length - at);
          this.#left -= size;
          this.#sink.onData(at === 0 && size === bytes.length ? bytes : bytes.subarray(at, at + size));
          at += size;
          if (this.#left === 0) this.#end(NO_TRAILERS, at < bytes.length);
          break;
        }
        case "chunked": {
          const next = this.#readChunked(this.#chunked!, bytes, at);
          if (next instanceof WireFault) return next;
          at = next;
          break;
        }
        case "close":
          this.#sink.onData(at === 0 ? bytes : bytes.subarray(at));
          return undefined;
        case "stopped":
          return undefined;
      }
    }
    return undefined;
  }

  /** The application has ended its side. @returns false when that leaves a response incomplete */
  finish(): boolean {
    switch (this.#state) {
      case "close":
        this.#end(NO_TRAILERS, true);
        return true;
      case "idle":
      case "stopped":
        return true;
      case "head":
      case "length":
      case "chunked":
        return false;
    }
  }

  #readHead(bytes: Buffer, at: number): number | WireFault {
    // Whatever speaks first in another protocol is told from HTTP at once, and not when the time is up.
    if (!this.#section.begun && bytes[at] !== FIRST_BYTE)
      return new WireFault("malformed", "the response does not begin with HTTP/");
    const next = this.#section.take(bytes, at);
    if (next instanceof WireFault) return next;
    if (next === INCOMPLETE) return bytes.length;
    const head = parseResponseHead(this.#section.text, this.#toHead, this.#limits.maxLines);
    if (head instanceof WireFault) return head;
    if (head.status === 101) return new WireFault("framing", "a switch of protocols that nobody asked for");
    if (head.status < 200) this.#sink.onInterim(head);
    else this.#begin(head, next < bytes.length);
    return next;
  }

  #begin(head: ResponseHead, rest: boolean): void {
    const { framing } = head;
    const empty = framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0);
    switch (framing.kind) {
      case "none":
        break;
      case "length":
        this.#left = framing.bytes;
        this.#state = "length";
        break;
      case "chunked":
        this.#chunked = new ChunkedDecoder(this.#limits, "response");
        this.#state = "chunked";
        break;
      case "close":
        this.#state = "close";
        break;
    }
    this.#sink.onHead(head);
    if (empty) this.#end(NO_TRAILERS, rest);
  }

  #readChunked(decoder: ChunkedDecoder, bytes: Buffer, at: number): number | WireFault {
    const next = decoder.read(bytes, at);
    if (next instanceof WireFault) return next;
    if (decoder.data.length > 0) this.#sink.onData(decoder.data);
    if (decoder.done) this.#end(decoder.trailers, next < bytes.length);
    return next;
  }

  #end(trailers: readonly string[], rest: boolean): void {
    if (this.#state === "stopped") return;
    this.#state = "idle";
    this.#chunked = undefined;
    this.#sink.onEnd(trailers, rest);
  }
}
