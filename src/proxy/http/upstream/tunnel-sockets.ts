/**
 * The two sockets of a WebSocket tunnel that http-proxy pipes into each other. An orderly end of one side lets what is under
 * way reach the other; everything else is a cut on both.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { contain, type CallbackFault, type OnFault } from "../../forward/boundary.ts";
import { resetSocket } from "../../forward/reset.ts";

/** For a side that was told of the end to close in turn. */
const LINGER_MS = 5_000;
/** How long one side may stay silent once the other has ended; and in all, what is left for it once that one has closed. */
const HALF_CLOSED_IDLE_MS = 300_000;

export interface TunnelCaller {
  readonly socket: Duplex;
  /** Says that the tunnel ends because nobody used it. A cut follows. */
  readonly idle: () => void;
  readonly cut: () => void;
  readonly fault: OnFault;
}

export class TunnelSockets {
  readonly #upstream: Duplex;
  readonly #caller: TunnelCaller;
  readonly #idleTimeoutMs: number;
  readonly #halfClosedMs: number;
  readonly #onFault: OnFault;
  #over = false;

  /** @param idleTimeoutMs without a byte in either direction: a peer that is gone without a word would be kept for ever */
  constructor(upstream: Duplex, caller: TunnelCaller, idleTimeoutMs: number) {
    this.#upstream = upstream;
    this.#caller = caller;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#halfClosedMs = Math.min(idleTimeoutMs, HALF_CLOSED_IDLE_MS);
    const { socket } = caller;
    const cut = (): void => this.cut();
    const onFault = (fault: CallbackFault): void => {
      this.cut();
      caller.fault(fault);
    };
    this.#onFault = onFault;
    // An error may come without one of ours listening: http-proxy listens after this.
    upstream.on("error", cut);
    socket.on("error", cut);
    upstream.once(
      "close",
      contain("tunnel upstream-close", onFault, () => this.#onClose(upstream, socket)),
    );
    socket.once(
      "close",
      contain("tunnel downstream-close", onFault, () => this.#onClose(socket, upstream)),
    );
  }

  get over(): boolean {
    return this.#over;
  }

  /** To be called behind http-proxy, which takes the time limit off both sockets. All of the tunnel's bytes pass the application's. */
  limitIdle(): void {
    const upstream = this.#upstream;
    if (!(upstream instanceof Socket)) return;
    const onIdle = (): void => {
      this.#caller.idle();
      this.cut();
    };
    upstream.setTimeout(this.#idleTimeoutMs, contain("tunnel idle", this.#onFault, onIdle));
    const onEnd = (): void => void upstream.setTimeout(this.#halfClosedMs);
    upstream.once("end", onEnd);
    this.#caller.socket.once("end", onEnd);
  }

  /** Ends both sides so that neither can take it for the end of the data. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#upstream instanceof Socket) resetSocket(this.#upstream);
    else this.#upstream.destroy();
    this.#caller.cut();
  }

  /** A side that closed after its end has said everything; the pipe ends the other one behind what it was sent. */
  #onClose(closed: Duplex, other: Duplex): void {
    if (!closed.readableEnded) {
      this.cut();
      return;
    }
    const linger = (): void => {
      const timer = setTimeout(() => other.destroy(), LINGER_MS);
      other.once("close", () => clearTimeout(timer));
    };
    if (other.writableFinished) {
      linger();
      return;
    }
    const onLate = (): void => {
      this.#caller.idle();
      this.cut();
    };
    const late = setTimeout(contain("tunnel last-bytes", this.#onFault, onLate), this.#halfClosedMs);
    other.once("finish", linger);
    for (const event of ["finish", "close"]) other.once(event, () => clearTimeout(late));
  }
}
