/**
 * A TCP socket to the application whose failed write does not close it. Node destroys a socket at once when a write fails,
 * with every byte that it has not read yet: an early 413 of an application that then closed would be lost.
 *
 * It reads into one buffer for all sockets of a thread, so that a small response costs no buffer of 64 KiB.
 */
import { Socket } from "node:net";

export interface SocketEvents {
  /** @param bytes a view of the shared buffer: used or copied before the call returns */
  readonly onBytes: (bytes: Buffer) => void;
  /** The reading side is still open, and says what became of the request. @param atOnce not one byte of this write was taken */
  readonly onWriteError: (error: Error, atOnce: boolean) => void;
}

type WriteDone = (error?: Error | null) => void;

export class WriteTolerantSocket extends Socket {
  readonly #onWriteError: SocketEvents["onWriteError"];

  constructor(shared: Buffer, { onBytes, onWriteError }: SocketEvents) {
    super({
      allowHalfOpen: true,
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (length) => {
          onBytes(shared.subarray(0, length));
          return true;
        },
      },
    });
    this.#onWriteError = onWriteError;
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: WriteDone): void {
    let atOnce = true;
    super._write(chunk, encoding, (error) => this.#written(error, atOnce, done));
    atOnce = false;
  }

  override _writev(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], done: WriteDone): void {
    let atOnce = true;
    super._writev!(chunks, (error) => this.#written(error, atOnce, done));
    atOnce = false;
  }

  #written(error: Error | null | undefined, atOnce: boolean, done: WriteDone): void {
    if (error !== null && error !== undefined) this.#onWriteError(error, atOnce);
    done();
  }
}
