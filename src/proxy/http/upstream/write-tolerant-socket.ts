/**
 * A TCP socket to the application whose failed write does not close it. Node destroys a socket at once when a write fails,
 * with every byte that it has not read yet: an early 413 of an application that then closed would be lost.
 *
 * It reads into buffers that it is given, so that a small response costs no buffer of 64 KiB.
 */
import { Socket } from "node:net";
import type { ReadBuffer } from "../../forward/read-buffers.ts";

export interface SocketEvents {
  /** @param bytes a view of what was read into: used, lent or copied before the call returns */
  readonly onBytes: (bytes: Buffer) => void;
  /** The reading side is still open, and says what became of the request. @param atOnce not one byte of this write was taken */
  readonly onWriteError: (error: Error, atOnce: boolean) => void;
}

type WriteDone = (error?: Error | null) => void;

export class WriteTolerantSocket extends Socket {
  readonly #onWriteError: SocketEvents["onWriteError"];

  constructor(input: ReadBuffer, { onBytes, onWriteError }: SocketEvents) {
    super({
      allowHalfOpen: true,
      noDelay: true,
      onread: {
        // Node goes on with the last buffer where it is given none, which its types do not say.
        buffer: () => input.next()!,
        callback: (length, buffer) => {
          onBytes((buffer as Buffer).subarray(0, length));
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
