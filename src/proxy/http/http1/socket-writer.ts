/** The caller's socket, as the responses of one connection are written to it: few writes, and word of when they are out. */
import { contain, type OnFault } from "../../forward/boundary.ts";
import type { DownstreamSocket } from "../../forward/forwarder.ts";
import type { Release } from "../../forward/read-buffers.ts";

export interface WriterEvents {
  /** Everything that was written up to the last write of a response is out. */
  readonly onOut: () => void;
  /** The caller takes more. */
  readonly onWritable: () => void;
  /** The turn in which `flushTurn` was called is over. */
  readonly onTurnEnd: () => void;
  /** What `onTurnEnd` threw. */
  readonly onTurnFault: OnFault;
}

/** Its callbacks are made once a connection, and not once a response. */
export class SocketWriter {
  readonly #socket: DownstreamSocket;
  readonly #onOut: (error?: Error | null) => void;
  readonly #onDrain: () => void;
  readonly #uncork: () => void;
  readonly #endTurn: () => void;
  #corked = false;
  #ending = false;

  constructor(socket: DownstreamSocket, onFault: OnFault, events: WriterEvents) {
    const { onOut, onWritable, onTurnEnd, onTurnFault } = events;
    this.#socket = socket;
    this.#onOut = contain("http1 direct-out", onFault, (error?: Error | null) => {
      // The close of the socket follows an error.
      if (error === undefined || error === null) onOut();
    });
    this.#onDrain = contain("http1 direct-drain", onFault, onWritable);
    this.#uncork = contain("http1 direct-uncork", onFault, () => {
      this.#corked = false;
      socket.uncork();
    });
    this.#endTurn = contain("http1 direct-head", onTurnFault, () => {
      this.#ending = false;
      onTurnEnd();
    });
    socket.on("drain", this.#onDrain);
  }

  /**
   * @param last of a response: `onOut` follows
   * @param release called when it is out, unless it is the last
   * @returns false when `onWritable` will say when to go on
   */
  write(data: string | Buffer, last: boolean, release: Release | undefined): boolean {
    const onOut = last ? this.#onOut : release;
    return typeof data === "string" ? this.#socket.write(data, "latin1", onOut) : this.#socket.write(data, onOut);
  }

  /** What was written was all of a response. */
  end(): void {
    if (this.#socket.writableLength === 0) queueMicrotask(this.#onOut);
    else this.#socket.write("", "latin1", this.#onOut);
  }

  /** Writes of this turn leave together. */
  corkTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    queueMicrotask(this.#uncork);
  }

  /** `onTurnEnd` follows. */
  flushTurn(): void {
    if (this.#ending) return;
    this.#ending = true;
    queueMicrotask(this.#endTurn);
  }

  /** Somebody else writes from here on. */
  detach(): void {
    this.#socket.off("drain", this.#onDrain);
  }
}
