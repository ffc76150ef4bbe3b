/**
 * The end of a connection whose caller is still sending. To close it at once would have the kernel answer those bytes with a
 * reset, which costs the caller the response that it has not read yet (RFC 9112 section 9.6).
 */
import { contain, type OnFault } from "../../forward/boundary.ts";
import type { DownstreamSocket } from "../../forward/forwarder.ts";

/** For a caller to stop sending once it has seen the response. */
const LINGER_MS = 2_000;

/** Ends our side, and closes the socket once the caller has ended its own. What it sends until then is nobody's. */
export function closeLingering(socket: DownstreamSocket, onFault: OnFault): void {
  if (socket.destroyed || socket.writableEnded) return;
  socket.end();
  if (socket.readableEnded) {
    destroyWhenSent(socket);
    return;
  }
  socket.resume();
  const timer = setTimeout(
    contain("http1 linger-timeout", onFault, () => socket.destroy()),
    LINGER_MS,
  );
  socket.once("end", () => destroyWhenSent(socket));
  socket.once("close", () => clearTimeout(timer));
}

function destroyWhenSent(socket: DownstreamSocket): void {
  if (socket.writableFinished) socket.destroy();
  else socket.once("finish", () => socket.destroy());
}
