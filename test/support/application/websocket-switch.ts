/** The 101 of an application that takes a WebSocket handshake, by hand. */
import { webSocketAccept } from "../../../src/proxy/http/upstream/websocket-key.ts";

/** @param head of the request, as text: its key is answered */
export function switchFor(head: string): string {
  const [, key = ""] = /^sec-websocket-key: *(\S+)/im.exec(head) ?? [];
  return `HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${webSocketAccept(key)}\r\n\r\n`;
}
