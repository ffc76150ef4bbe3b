/**
 * The greeting on a plaintext port: nothing is decided about the application before the caller has said something, so
 * that port scans and idle sockets cost it nothing.
 */
import type { Socket } from "node:net";

/** ContentType handshake (RFC 8446 section 5.1): what every TLS ClientHello starts with, and no HTTP request can. */
const TLS_HANDSHAKE_RECORD = 0x16;
/** How HTTP/2's connection preface begins (RFC 9113 section 3.4), and no method that is known: PROPFIND has an O there. */
const HTTP2_PREFACE = Buffer.from("PRI ");

export type FirstByte = "plaintext" | "http/2" | "tls" | "silent" | "gone";

/**
 * Waits until it is clear what is spoken, and leaves what was read in the socket.
 * @param http tells HTTP/2 from the rest, which may take the first four bytes
 */
export function awaitFirstByte(socket: Socket, http: boolean, timeoutMs: number): Promise<FirstByte> {
  return new Promise((resolve) => {
    let seen: Buffer = Buffer.alloc(0);
    const settle = (outcome: FirstByte): void => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("end", onEnd).off("close", onGone);
      if (seen.length > 0 && !socket.destroyed) socket.unshift(seen);
      resolve(outcome);
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      // At the end of the stream `readable` is emitted once more, with nothing to read; `end` follows.
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const outcome = classify(seen, http);
      if (outcome !== undefined) settle(outcome);
    };
    const onGone = (): void => settle("gone");
    // Nothing can be put back into a stream that has ended, and half a preface is no request.
    const onEnd = (): void => {
      seen = Buffer.alloc(0);
      settle("gone");
    };
    const timer = setTimeout(settle, timeoutMs, "silent" satisfies FirstByte);
    socket.on("readable", onReadable).on("end", onEnd).on("close", onGone);
  });
}

function classify(seen: Buffer, http: boolean): FirstByte | undefined {
  if (seen[0] === TLS_HANDSHAKE_RECORD) return "tls";
  if (!http) return "plaintext";
  const length = Math.min(seen.length, HTTP2_PREFACE.length);
  if (seen.compare(HTTP2_PREFACE, 0, length, 0, length) !== 0) return "plaintext";
  return length === HTTP2_PREFACE.length ? "http/2" : undefined;
}
