/**
 * The application's side of a stream: dialled after the verdict, read into buffers that the streams of the thread share.
 * Small reads are copied, which costs less than the buffer that Node would allocate for each; large ones are lent.
 */
import { connect, type Socket } from "node:net";
import type { SocketAddress } from "../../config/config.ts";
import { contain, faultIn, type OnFault } from "../forward/boundary.ts";
import { ReadBuffer, type ReadBuffers, type Release } from "../forward/read-buffers.ts";

/** A read of fewer bytes ends a bulk: its connection holds no buffer while it rests. */
const SMALL_BYTES = 4_096;

export interface UpstreamOptions {
  readonly app: SocketAddress;
  readonly connectTimeoutMs: number;
  readonly buffers: ReadBuffers;
  /**
   * False pauses reading until `resume()`.
   * @param release to be called when the chunk is written; without it the chunk is its taker's for good
   */
  readonly onData: (chunk: Buffer, release?: Release) => boolean;
  readonly onConnect: () => void;
  /** The connection did not come about; the socket is destroyed. */
  readonly onUnreachable: (detail: string) => void;
  /** The connection broke after `onConnect`. */
  readonly onError: (error: NodeJS.ErrnoException) => void;
  readonly onFault: OnFault;
}

/** Dials the application. The caller may listen for `end`, `drain` and `close`. */
export function dialUpstream(options: UpstreamOptions): Socket {
  const input = new ReadBuffer(options.buffers);
  let connected = false;
  const socket = connect({
    host: options.app.host,
    port: options.app.port,
    noDelay: true,
    allowHalfOpen: true,
    onread: {
      // Node goes on with the last buffer where it is given none, which its types do not say.
      buffer: () => input.next()!,
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        try {
          const data = (buffer as Buffer).subarray(0, bytes);
          const release = input.lend(data);
          if (bytes < SMALL_BYTES) input.rest();
          return release === undefined ? options.onData(Buffer.from(data)) : options.onData(data, release);
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
