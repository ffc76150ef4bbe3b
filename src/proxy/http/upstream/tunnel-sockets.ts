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

export interface TunnelCaller {
  readonly socket: Duplex;
  readonly cut: () => void;
  readonly fault: OnFault;
}

export class TunnelSockets {
  readonly #upstream: Duplex;
  readonly #caller: TunnelCaller;
  #over = false;

  constructor(upstream: Duplex, caller: TunnelCaller) {
    this.#upstream = upstream;
    this.#caller = caller;
    if (upstream instanceof Socket) upstream.setTimeout(0);
    const { socket } = caller;
    const cut = (): void => this.cut();
    const onFault = (fault: CallbackFault): void => {
      this.cut();
      caller.fault(fault);
    };
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
    if (other.writableFinished) linger();
    else other.once("finish", linger);
  }
}
