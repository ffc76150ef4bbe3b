/**
 * The greeting on a plaintext port: nothing is decided about the application before the caller has said something, so
 * that port scans and idle sockets cost it nothing.
 */
import type { Socket } from "node:net";

/** ContentType handshake (RFC 8446 section 5.1): what every TLS ClientHello starts with, and no HTTP request can. */
const TLS_HANDSHAKE_RECORD = 0x16;

export type FirstByte = "plaintext" | "tls" | "silent" | "gone";

/** Waits for the first byte and leaves it in the socket. */
export function awaitFirstByte(socket: Socket, timeoutMs: number): Promise<FirstByte> {
  return new Promise((resolve) => {
    const settle = (outcome: FirstByte): void => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("end", onGone).off("close", onGone);
      resolve(outcome);
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      // At the end of the stream `readable` is emitted once more, with nothing to read; `end` follows.
      if (chunk === null) return;
      socket.unshift(chunk);
      settle(chunk[0] === TLS_HANDSHAKE_RECORD ? "tls" : "plaintext");
    };
    const onGone = (): void => settle("gone");
    const timer = setTimeout(settle, timeoutMs, "silent" satisfies FirstByte);
    socket.on("readable", onReadable).on("end", onGone).on("close", onGone);
  });
}
