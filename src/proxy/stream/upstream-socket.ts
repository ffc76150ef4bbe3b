/**
 * The application's side of a stream: dialled after the verdict, read into a buffer that all streams of the thread share.
 *
 * A small read is copied out of the shared buffer, which costs less than the buffer that Node would allocate for each
 * read. A read that fills it means bulk: the following ones get a buffer of their own each, handed on without a copy.
 * A byte that was handed on therefore never lies in memory that is read into again.
 */
import { connect, type Socket } from "node:net";
import type { SocketAddress } from "../../config/config.ts";
import { contain, faultIn, type OnFault } from "../forward/boundary.ts";

const READ_BUFFER_BYTES = 65_536;
const sharedReadBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

export interface UpstreamOptions {
  readonly app: SocketAddress;
  readonly connectTimeoutMs: number;
  /** Takes ownership of the chunk; false pauses reading until `resume()`. */
  readonly onData: (chunk: Buffer) => boolean;
  readonly onConnect: () => void;
  /** The connection did not come about; the socket is destroyed. */
  readonly onUnreachable: (detail: string) => void;
  /** The connection broke after `onConnect`. */
  readonly onError: (error: NodeJS.ErrnoException) => void;
  readonly onFault: OnFault;
}

/** Dials the application. The caller may listen for `end`, `drain` and `close`. */
export function dialUpstream(options: UpstreamOptions): Socket {
  let bulk: Buffer | undefined;
  let connected = false;
  const socket = connect({
    host: options.app.host,
    port: options.app.port,
    noDelay: true,
    allowHalfOpen: true,
    onread: {
      // Asked for after every read, so a bulk buffer is used once.
      buffer: () => bulk ?? sharedReadBuffer,
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        try {
          const whole = buffer as Buffer;
          const chunk = whole === sharedReadBuffer ? Buffer.from(whole.subarray(0, bytes)) : whole.subarray(0, bytes);
          bulk = bytes === READ_BUFFER_BYTES ? Buffer.allocUnsafeSlow(READ_BUFFER_BYTES) : undefined;
          return options.onData(chunk);
        } catch (thrown) {
          options.onFault(faultIn("relay upstream-data", thrown));
          return false;
        }
      },
    },
  });
  const giveUp = (detail: string): void => {
    clearTimeout(timer);
    socket.destroy();
    options.onUnreachable(detail);
  };
  const timer = setTimeout(
    contain("relay connect-timeout", options.onFault, () => giveUp("timeout")),
    options.connectTimeoutMs,
  );
  const onError = (error: NodeJS.ErrnoException): void => {
    if (connected) options.onError(error);
    else giveUp(error.code ?? error.message);
  };
  socket.on("error", contain("relay upstream-error", options.onFault, onError));
  const onConnect = (): void => {
    clearTimeout(timer);
    connected = true;
    options.onConnect();
  };
  socket.once("connect", contain("relay upstream-connect", options.onFault, onConnect));
  // Destroyed while dialling: by the caller, who knows why.
  socket.once("close", () => clearTimeout(timer));
  return socket;
}
