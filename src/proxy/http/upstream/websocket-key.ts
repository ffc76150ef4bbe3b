/** The key of a WebSocket handshake that Postern makes itself, and what proves that the application has read it. */
import { createHash, randomBytes } from "node:crypto";

/** RFC 6455 section 1.3. */
const SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Of 16 random bytes (RFC 6455 section 4.1). */
export function newWebSocketKey(): string {
  return randomBytes(16).toString("base64");
}

/** What `Sec-WebSocket-Accept` must say to this key (RFC 6455 section 4.2.2). */
export function webSocketAccept(key: string): string {
  return createHash("sha1").update(key).update(SUFFIX).digest("base64");
}
