/**
 * The application's leg of a stream: dialled after the verdict, read into a landing buffer that all streams of the
 * thread share.
 *
 * A small read is copied out of the landing buffer, which costs less than the buffer that Node would allocate for each
 * read. A read that fills it means bulk: the following ones get a buffer of their own each, handed on without a copy.
 * A byte that was handed on therefore never lies in memory that is read into again.
 */
import { connect, type Socket } from "node:net";
import type { SocketAddress } from "../../config/config.ts";

const LANDING_BYTES = 65_536;
const landing = Buffer.allocUnsafeSlow(LANDING_BYTES);

export interface UpstreamOptions {
  readonly app: SocketAddress;
  readonly connectTimeoutMs: number;
  /** Takes ownership of the chunk; false pauses reading until `resume()`. */
  readonly onData: (chunk: Buffer) => boolean;
  /** Not called for errors before the connection stood. */
  readonly onConnect: () => void;
  /** The connection did not come about; the socket is destroyed. */
  readonly onUnreachable: (detail: string) => void;
}

/** Dials the application. The caller listens for `error`, `end`, `drain` and `close` after `onConnect`. */
export function dialUpstream(options: UpstreamOptions): Socket {
  let bulk: Buffer | undefined;
  const socket = connect({
    host: options.app.host,
    port: options.app.port,
    noDelay: true,
    allowHalfOpen: true,
    onread: {
      // Asked for after every read, so a bulk buffer is used once.
      buffer: () => bulk ?? landing,
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        const whole = buffer as Buffer;
        const chunk = whole === landing ? Buffer.from(whole.subarray(0, bytes)) : whole.subarray(0, bytes);
        bulk = bytes === LANDING_BYTES ? Buffer.allocUnsafeSlow(LANDING_BYTES) : undefined;
        return options.onData(chunk);
      },
    },
  });
  const giveUp = (detail: string): void => {
    clearTimeout(timer);
    socket.destroy();
    options.onUnreachable(detail);
  };
  const onDialError = (error: NodeJS.ErrnoException): void => giveUp(error.code ?? error.message);
  const timer = setTimeout(giveUp, options.connectTimeoutMs, "timeout");
  socket.once("error", onDialError);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", onDialError);
    options.onConnect();
  });
  // Destroyed while dialling: by the caller, who knows why.
  socket.once("close", () => clearTimeout(timer));
  return socket;
}
