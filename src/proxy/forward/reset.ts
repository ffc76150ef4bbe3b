/** How a socket is cut so that the other side cannot take it for an orderly end. */
import type { Socket } from "node:net";

/**
 * Ends a socket with RST. Where our FIN is under way behind everything that was written, the orderly end is told already and
 * the socket is closed instead: Node would lose it (the reset fails behind a pending shutdown, and then neither `close` nor
 * the descriptor ever comes back).
 *
 * @param raw the TCP socket beneath, where `socket` is TLS: a TLSSocket refuses to reset (ERR_INVALID_HANDLE_TYPE), and
 * closes with the one beneath it
 */
export function resetSocket(socket: Socket, raw: Socket = socket): void {
  const finUnderWay = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (!finUnderWay) {
    raw.resetAndDestroy();
    return;
  }
  socket.destroy();
  raw.destroy();
}
