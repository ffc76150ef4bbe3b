/** One connection to an application over HTTP/1.1: one request at a time, kept between them. */
import { performance } from "node:perf_hooks";
import type { Limits, SocketAddress } from "../../../config/config.ts";
import { contain, faultIn } from "../../forward/boundary.ts";
import { ReadBuffer, type ReadBuffers, type Release } from "../../forward/read-buffers.ts";
import { resetSocket } from "../../forward/reset.ts";
import type { ResponseHead } from "../wire/response-head.ts";
import { ResponseReader, type ResponseSink } from "../wire/response-reader.ts";
import type { CarriedRequest, CarryingConnection, Loss } from "./carried-request.ts";
import { UpstreamError } from "./failure.ts";
import { WriteTolerantSocket } from "./write-tolerant-socket.ts";

/** Far above what applications send; the size bounds them too. */
const MAX_RESPONSE_LINES = 1_000;
/** Before an application's own idle timer can fire we stop using its connection. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

export interface ConnectionOwner {
  /** It can carry another request. */
  released(connection: UpstreamConnection): void;
  /** Its descriptor is gone. */
  closed(connection: UpstreamConnection): void;
}

export class UpstreamConnection implements ResponseSink, CarryingConnection {
  readonly #limits: Limits;
  readonly #owner: ConnectionOwner;
  readonly #socket: WriteTolerantSocket;
  readonly #reader: ResponseReader;
  readonly #input: ReadBuffer;
  readonly #connecting: NodeJS.Timeout;
  #request: CarriedRequest | undefined;
  /** The response that is being read lets the connection go on. */
  #persistent = false;
  #keepAliveMs: number;
  #idleUntilMs = 0;
  #activeAtMs = 0;
  #used = false;
  #asked = false;
  #heard = false;
  #paused = false;
  #corked = false;
  #unsent = false;
  #writeError: Error | undefined;
  #over = false;

  constructor(app: SocketAddress, limits: Limits, buffers: ReadBuffers, owner: ConnectionOwner) {
    this.#limits = limits;
    this.#owner = owner;
    this.#keepAliveMs = limits.upstreamKeepAliveMs;
    this.#reader = new ResponseReader({ maxBytes: limits.maxHeaderBytes, maxLines: MAX_RESPONSE_LINES }, this);
    this.#input = new ReadBuffer(buffers);
    this.#socket = new WriteTolerantSocket(this.#input, {
      onBytes: contain("http1-upstream data", this.#lose, (bytes: Buffer) => this.#onBytes(bytes)),
      onWriteError: contain("http1-upstream write-error", this.#lose, (error: Error, atOnce: boolean) =>
        this.#onWriteError(error, atOnce),
      ),
    });
    this.#connecting = setTimeout(
      contain("http1-upstream connect-timeout", this.#lose, () =>
        this.#lose(new UpstreamError("CONNECT_TIMEOUT", "no connection in time")),
      ),
      limits.connectTimeoutMs,
    );
    this.#listen();
    this.#socket.connect(app);
  }

  /** False when another one has to be taken. */
  usable(nowMs: number): boolean {
    return !this.#over && nowMs < this.#idleUntilMs;
  }

  carry(request: CarriedRequest): void {
    this.#request = request;
    this.#asked = false;
    this.#heard = false;
    this.#unsent = false;
    this.#activeAtMs = performance.now();
    this.#reader.expect(request.isHead);
    try {
      request.sendOn(this);
    } catch (thrown) {
      this.#lose(faultIn("http1-upstream send", thrown));
    }
  }

  write(data: string | Buffer, release?: Release): boolean {
    if (this.#over || this.#writeError !== undefined) return true;
    this.#asked = true;
    return typeof data === "string" ? this.#socket.write(data, "latin1") : this.#socket.write(data, release);
  }

  corkTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    queueMicrotask(
      contain("http1-upstream uncork", this.#lose, () => {
        this.#corked = false;
        this.#socket.uncork();
      }),
    );
  }

  requestSent(): void {
    this.#activeAtMs = performance.now();
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#activeAtMs = performance.now();
    this.#socket.resume();
  }

  abandon(): void {
    this.#request = undefined;
    this.#end();
    if (this.#socket.connecting) this.#socket.destroy();
    else resetSocket(this.#socket);
  }

  /** Closes it, whatever it carries. */
  close(error: Error): void {
    this.#lose(error);
  }

  /** Called every now and then with the monotonic clock. */
  enforceLimits(nowMs: number): void {
    const { responseIdleTimeoutMs } = this.#limits;
    const request = this.#request;
    if (request === undefined) {
      if (this.#used && nowMs >= this.#idleUntilMs) this.#lose(new UpstreamError("CLOSED_EARLY", "idle"));
      return;
    }
    const isDue = responseIdleTimeoutMs > 0 && nowMs - this.#activeAtMs >= responseIdleTimeoutMs;
    // While the caller still sends or does not read, silence is not the application's fault.
    if (isDue && request.sent && !this.#paused && !this.#socket.connecting)
      this.#lose(new UpstreamError("RESPONSE_TIMEOUT", "no byte of the response in time"));
  }

  onInterim(head: ResponseHead): void {
    this.#request?.onInterim(head);
  }

  onHead(head: ResponseHead): void {
    this.#persistent = head.persistent;
    if (head.keepAliveMs !== undefined) this.#keepAliveMs = this.#hinted(head.keepAliveMs);
    this.#request?.onHead(head);
  }

  onData(data: Buffer): void {
    const release = this.#input.lend(data);
    // What is not lent is written to again by the next read.
    this.#request?.onData(release === undefined ? Buffer.from(data) : data, release);
  }

  onEnd(trailers: readonly string[], rest: boolean): void {
    const request = this.#request;
    this.#request = undefined;
    this.#input.rest();
    this.#used = true;
    this.#asked = false;
    const isSettled = request?.sent === true && this.#socket.writableLength === 0 && this.#writeError === undefined;
    if (this.#persistent && isSettled && !rest && this.#keepAliveMs > 0) {
      this.resume();
      this.#idleUntilMs = performance.now() + this.#keepAliveMs;
      this.#owner.released(this);
    } else {
      this.#end();
      this.#socket.destroy();
    }
    request?.onEnd(trailers);
  }

  #listen(): void {
    const socket = this.#socket;
    const onConnect = (): void => {
      clearTimeout(this.#connecting);
      this.#activeAtMs = performance.now();
    };
    const onEnd = (): void => {
      if (this.#reader.finish()) this.#lose(new UpstreamError("CLOSED_EARLY", "idle"));
      else this.#lose(new UpstreamError("CLOSED_EARLY", "other side closed"));
    };
    const onClose = (): void => {
      this.#lose(new UpstreamError("CLOSED_EARLY", "connection closed"));
      this.#owner.closed(this);
    };
    socket.once("connect", contain("http1-upstream connect", this.#lose, onConnect));
    socket.once("end", contain("http1-upstream end", this.#lose, onEnd));
    socket.on("error", contain("http1-upstream error", this.#lose, this.#lose));
    socket.on(
      "drain",
      contain("http1-upstream drain", this.#lose, () => this.#request?.onWritable()),
    );
    // Its place in the pool comes free, whatever happens.
    socket.once(
      "close",
      contain("http1-upstream close", () => this.#owner.closed(this), onClose),
    );
  }

  #onBytes(bytes: Buffer): void {
    if (!this.#asked) {
      this.#lose(new UpstreamError("CLOSED_EARLY", "bytes that no request asked for"));
      return;
    }
    this.#heard = true;
    this.#activeAtMs = performance.now();
    const fault = this.#reader.read(bytes);
    if (fault !== undefined) this.#lose(new UpstreamError("INVALID_RESPONSE", fault.reason));
  }

  /** What the application says of it, or has said, is still read; its end of the connection follows. */
  #onWriteError(error: Error, atOnce: boolean): void {
    if (this.#over || this.#writeError !== undefined) return;
    this.#writeError = error;
    this.#unsent = atOnce;
    this.#request?.onWriteError();
  }

  /** A property, because it is handed to every boundary. Must not throw. */
  readonly #lose = (error: Error): void => {
    if (this.#over) return;
    const request = this.#request;
    this.#request = undefined;
    this.#end();
    this.#socket.destroy();
    const loss: Loss = {
      error: this.#heard ? error : (this.#writeError ?? error),
      stale: this.#used && !this.#heard,
      unsent: this.#unsent,
    };
    try {
      request?.onLost(loss);
    } catch (thrown) {
      request?.onLost({ ...loss, error: faultIn("http1-upstream lost", thrown), stale: false });
    }
  };

  #end(): void {
    this.#over = true;
    clearTimeout(this.#connecting);
    this.#reader.stop();
  }

  /** Never longer than configured. */
  #hinted(ms: number): number {
    return Math.min(this.#limits.upstreamKeepAliveMs, ms - Math.min(KEEP_ALIVE_MARGIN_MS, ms / 2));
  }
}
