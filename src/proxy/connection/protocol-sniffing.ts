/**
 * What a caller speaks on a plaintext port of HTTP. Nothing is decided about the application before the caller has sent
 * something, so that port scans and idle sockets cost it nothing.
 */
import type { Socket } from "node:net";
import { contain, type CallbackFault } from "../forward/boundary.ts";

/** ContentType handshake (RFC 8446 section 5.1): what every TLS ClientHello starts with, and no HTTP request can. */
const TLS_HANDSHAKE_RECORD = 0x16;
/** How HTTP/2's connection preface begins (RFC 9113 section 3.4), and no method that is known: PROPFIND has an O there. */
const HTTP2_PREFACE = Buffer.from("PRI ");

export type SniffedProtocol = "http/1.1" | "http/2" | "tls" | "silent" | "gone";

/** Waits until it is clear what is spoken, which may take four bytes, and leaves what was read in the socket. */
export function sniffProtocol(socket: Socket, timeoutMs: number): Promise<SniffedProtocol> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const stop = (): void => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("end", onEnd).off("close", onGone);
    };
    const onFault = (fault: CallbackFault): void => {
      stop();
      reject(fault);
    };
    const settle = (outcome: SniffedProtocol): void => {
      stop();
      if (seen.length > 0 && !socket.destroyed) socket.unshift(seen);
      resolve(outcome);
    };
    const onReadable = contain("sniffing readable", onFault, () => {
      const chunk = socket.read() as Buffer | null;
      // At the end of the stream `readable` is emitted once more, with nothing to read; `end` follows.
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const outcome = classify(seen);
      if (outcome !== undefined) settle(outcome);
    });
    const onGone = contain("sniffing close", onFault, () => settle("gone"));
    // Nothing can be put back into a stream that has ended, and half a preface is no request.
    const onEnd = contain("sniffing end", onFault, () => {
      seen = Buffer.alloc(0);
      settle("gone");
    });
    const onTimeout = contain("sniffing timeout", onFault, () => settle("silent"));
    const timer = setTimeout(onTimeout, timeoutMs);
    socket.on("readable", onReadable).on("end", onEnd).on("close", onGone);
  });
}

function classify(seen: Buffer): SniffedProtocol | undefined {
  if (seen[0] === TLS_HANDSHAKE_RECORD) return "tls";
  const length = Math.min(seen.length, HTTP2_PREFACE.length);
  if (seen.compare(HTTP2_PREFACE, 0, length, 0, length) !== 0) return "http/1.1";
  return length === HTTP2_PREFACE.length ? "http/2" : undefined;
}
